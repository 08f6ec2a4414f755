package ai.seedcore.serve.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** What the driver says. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "reply")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Reply.Warm.class, name = "warm"),
  @JsonSubTypes.Type(value = Reply.Done.class, name = "done"),
  @JsonSubTypes.Type(value = Reply.Serve.class, name = "serve"),
  @JsonSubTypes.Type(value = Reply.Failed.class, name = "failed"),
})
public sealed interface Reply {

  /** The id of the request that this answers; 0 for {@link Warm}, which answers none. */
  long id();

  /** Said once, unasked: Ray's classes and its native library are loaded. */
  record Warm(long id) implements Reply {}

  /** The request is carried out. */
  record Done(long id) implements Reply {}

  /**
   * Answers {@link Request.EnsureServe}.
   *
   * @param started true where this driver started it, false where it ran already
   * @param hostsJava whether its controller can create Java replicas
   * @param visible whether the dashboard can show it
   * @param completed whether it supports Java replicas in full: changes in place, orderly ends
   */
  record Serve(long id, boolean started, boolean hostsJava, boolean visible, boolean completed)
      implements Reply {}

  /**
   * The request failed; the driver goes on.
   *
   * @param error the exception's class and message, and those of its causes, on one line
   */
  record Failed(long id, String error) implements Reply {}
}
