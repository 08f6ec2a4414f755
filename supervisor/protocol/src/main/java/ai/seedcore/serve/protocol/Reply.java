package ai.seedcore.serve.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** A reply from the driver to the daemon. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "reply")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Reply.Warm.class, name = "warm"),
  @JsonSubTypes.Type(value = Reply.Done.class, name = "done"),
  @JsonSubTypes.Type(value = Reply.Serve.class, name = "serve"),
  @JsonSubTypes.Type(value = Reply.Failed.class, name = "failed"),
})
public sealed interface Reply {

  /** Returns the id of the answered request; 0 for {@link Warm}, which answers none. */
  long id();

  /** Sent once, without a request, when Ray's classes and native library are loaded. */
  record Warm(long id) implements Reply {}

  /** The request succeeded. */
  record Done(long id) implements Reply {}

  /**
   * The reply to {@link Request.EnsureServe} and {@link Request.ReplaceServe}.
   *
   * @param started true if this driver started Serve, false if it was running
   * @param hostsJava whether the controller can create Java replicas
   * @param visible whether the dashboard can show Serve
   * @param completed whether the controller has the patches for Java replicas, such as
   *     reconfiguration in place and graceful shutdown
   * @param port the port that its HTTP proxies listen on
   */
  record Serve(
      long id, boolean started, boolean hostsJava, boolean visible, boolean completed, int port)
      implements Reply {}

  /**
   * The request failed. The driver accepts further requests.
   *
   * @param error the exception and its causes, on one line
   */
  record Failed(long id, String error) implements Reply {}
}
