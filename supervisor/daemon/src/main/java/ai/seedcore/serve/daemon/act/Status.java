package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.driver.ChildExit;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.annotation.JsonSerialize;
import tools.jackson.databind.ser.std.ToStringSerializer;

/**
 * All that the daemon knows, at the end of one lap of its loop.
 *
 * @param version the daemon's version
 * @param phase where we are
 * @param reason why
 * @param since since when the phase holds
 * @param ready whether all declared routes really answer
 * @param lap when this lap ended
 * @param action what was decided to do
 * @param nextLookMs in how many milliseconds we look again, at the latest
 * @param workNotBefore until when work is put off after failures; null: it is not
 * @param lastRecoveryS seconds from the last cluster's first sign of life to all routes answering;
 *     null: none yet
 * @param deploys applications submitted in this daemon's life
 * @param role whether this daemon leads, stands by, or does not know yet
 * @param head the cluster's head
 * @param serve Serve, in a word
 * @param apps the declared applications
 * @param driver the driver
 * @param node our own Ray node
 * @param config where the wishes come from
 * @param exits the last ends of child processes
 * @param events the last changes of phase and reason
 */
public record Status(
    String version,
    String phase,
    String reason,
    Instant since,
    boolean ready,
    Instant lap,
    @JsonSerialize(using = ToStringSerializer.class) Action action,
    long nextLookMs,
    @Nullable Instant workNotBefore,
    @Nullable Double lastRecoveryS,
    int deploys,
    String role,
    HeadStatus head,
    String serve,
    List<AppStatus> apps,
    DriverStatus driver,
    NodeStatus node,
    ConfigStatus config,
    List<ChildExit> exits,
    List<Event> events) {

  /** The head. */
  public record HeadStatus(
      String address,
      String dashboard,
      boolean up,
      @Nullable String reason,
      @Nullable String session,
      @Nullable String headNode,
      @Nullable String rayVersion) {}

  /**
   * One declared application, wished and seen.
   *
   * @param status Serve's word, or MISSING or UNKNOWN
   * @param attempts how often it was submitted in this life of the cluster
   */
  public record AppStatus(
      String name,
      String url,
      String version,
      @Nullable String deployedVersion,
      String status,
      String message,
      int replicas,
      boolean answers,
      @Nullable String routeReason,
      @Nullable Long probeMs,
      int attempts,
      @Nullable Instant nextAttempt) {}

  /** The driver process; pid 0: there is none. */
  public record DriverStatus(
      String phase, long pid, @Nullable String session, @Nullable String busyWith) {}

  /** Our own Ray node. */
  public record NodeStatus(String kind, @Nullable String session, boolean starting) {}

  /**
   * The configuration.
   *
   * @param file the file; null: there is none
   * @param error what is wrong in the file as it is now, while the last good one holds; null:
   *     nothing
   */
  public record ConfigStatus(@Nullable String file, @Nullable String error) {}

  /** A change of phase or reason. */
  public record Event(Instant at, String phase, String reason, String action) {}
}
