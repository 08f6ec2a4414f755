package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.decide.Action;
import ai.seedcore.serve.daemon.driver.ChildExit;
import ai.seedcore.serve.door.DoorStatus;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonpCharacterEscapes;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Everything that the daemon knows at the end of one lap. This is the document that {@code /status}
 * returns and that {@code seedcore-serve status} reads. Its JSON names are the component names in
 * snake case. Additions keep {@link #SCHEMA}; changes and removals increment it.
 *
 * @param schema {@link #SCHEMA}
 * @param version the daemon's version
 * @param phase the current phase, a name of {@code Phase}
 * @param cause why, as a constant
 * @param reason why, in words
 * @param nextStep what a person should do, if anything
 * @param since when the current phase began
 * @param ready whether all declared routes respond as declared or are busy
 * @param lap when this lap ended
 * @param laps the number of laps so far
 * @param action the action that was decided on
 * @param nextLookMs how long to wait at most before the next look, in milliseconds
 * @param workNotBefore until when work is delayed after failures; null if it is not
 * @param lastRecoveryS seconds from the cluster's last first sign of life until all routes
 *     responded; null if there was no recovery yet
 * @param deploys submissions since this daemon started
 * @param role whether this daemon leads, stands by, or does not know yet
 * @param head the cluster's head
 * @param serve whether Serve runs, and why that is unknown
 * @param serveState {@code running}, {@code absent} or {@code unknown}
 * @param apps the declared applications
 * @param orphans replicas that Serve no longer lists
 * @param upload the package that is being uploaded; null if there is none
 * @param driver the driver
 * @param node our own Ray node
 * @param door the front door; null if it is off
 * @param config the state of the configuration file
 * @param exits how the last child processes ended
 * @param decisions how often each decision was made
 * @param past the history
 */
public record Status(
    int schema,
    String version,
    String phase,
    String cause,
    String reason,
    String nextStep,
    Instant since,
    boolean ready,
    Instant lap,
    long laps,
    String action,
    long nextLookMs,
    @Nullable Instant workNotBefore,
    @Nullable Double lastRecoveryS,
    int deploys,
    String role,
    HeadStatus head,
    String serve,
    String serveState,
    List<AppStatus> apps,
    List<OrphanStatus> orphans,
    @Nullable UploadStatus upload,
    DriverStatus driver,
    NodeStatus node,
    @Nullable DoorStatus door,
    ConfigStatus config,
    List<ChildExit> exits,
    List<Decided> decisions,
    Past past) {

  /** The version of the document's structure. */
  public static final int SCHEMA = 1;

  private static final String REPLACE = Action.ReplaceServe.class.getSimpleName();

  /** Some readers of the event stream take U+2028 and U+2029 for line ends, so they are escaped. */
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder().characterEscapes(JsonpCharacterEscapes.instance()).build())
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private static final JsonMapper WITHOUT_PAST =
      JSON.rebuild().addMixIn(Status.class, WithoutPast.class).build();

  @JsonIgnoreProperties("past")
  private interface WithoutPast {}

  /** Returns whether Serve is being replaced: requests that are sent now would be lost. */
  public boolean replacesServe() {
    String busyWith = driver.busyWith();
    return action.startsWith(REPLACE) || (busyWith != null && busyWith.startsWith(REPLACE));
  }

  /** Returns the document as JSON. */
  public String json() {
    return JSON.writeValueAsString(this);
  }

  /** Returns the document as JSON without the history, which rarely changes. */
  public String jsonWithoutPast() {
    return WITHOUT_PAST.writeValueAsString(this);
  }

  /** Returns only the history as JSON. */
  public String pastJson() {
    return JSON.writeValueAsString(past);
  }

  /**
   * Parses the document.
   *
   * @throws IllegalArgumentException if it is not a status document, or has another schema
   */
  public static Status read(String json) {
    try {
      int schema = JSON.readTree(json).path("schema").asInt(0);
      if (schema != SCHEMA) {
        throw new IllegalArgumentException(
            "the response has status schema %d, but this program reads schema %d: use the"
                    .formatted(schema, SCHEMA)
                + " version of the running daemon");
      }
      return JSON.readValue(json, Status.class);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("the response is not a status document", e);
    }
  }

  /**
   * The cluster's head.
   *
   * @param nodes the addresses of the cluster's living nodes, as far as they are known
   */
  public record HeadStatus(
      String address,
      String dashboard,
      boolean up,
      @Nullable String reason,
      @Nullable String session,
      @Nullable String headNode,
      @Nullable String rayVersion,
      Set<String> nodes) {}

  /**
   * A version that does not serve yet, or will not.
   *
   * @param serves the version that serves meanwhile
   * @param progress what is tried at the moment; empty if nothing is
   * @param rejected why it must not serve; null if it was not rejected
   */
  public record TrialStatus(
      String version, String serves, String progress, @Nullable String rejected) {}

  /**
   * One declared application, in its desired and its observed state.
   *
   * @param url its address; null if it has no route
   * @param status Serve's status, or MISSING or UNKNOWN
   * @param probeMs how long the last probe took, in milliseconds; null if there was none
   * @param probedAt when the last probe ended
   * @param atWork if the route is busy, how many requests its replicas are at work on: the probe
   *     takes longer than its timeout, yet nothing is wrong; 0 otherwise
   * @param attempts how often it was submitted in this session
   * @param outcomes the outcomes of all submissions since this daemon started
   * @param objectives its objectives, and how much of their error budgets is left
   * @param example the body of a request that the declaration gives as an example; null for a GET
   * @param trial the trial of the declared version; null if there was none, or if it has passed
   */
  public record AppStatus(
      String name,
      @Nullable String url,
      String version,
      @Nullable String deployedVersion,
      String status,
      String message,
      int replicas,
      @Nullable Integer declaredReplicas,
      boolean answers,
      @Nullable String routeReason,
      @Nullable Long probeMs,
      @Nullable Instant probedAt,
      int atWork,
      int attempts,
      @Nullable Instant nextAttempt,
      Outcomes outcomes,
      List<ObjectiveStatus> objectives,
      @Nullable String example,
      @Nullable TrialStatus trial) {

    /** Returns whether its route responds as declared or is busy. */
    public boolean serves() {
      return answers || busy();
    }

    /** Returns whether its replicas are at work for longer than a probe waits. */
    public boolean busy() {
      return atWork > 0;
    }
  }

  /**
   * An objective over the last 30 days.
   *
   * @param name {@code availability} or {@code latency}
   * @param target the share of requests that must meet it
   * @param withinS how long a response may take, in seconds; null for the availability
   * @param requests the requests that it concerns
   * @param missed those that did not meet it
   * @param budgetLeft of the requests that may miss it, the share that has not; negative if more
   *     have
   * @param since since when requests were counted; null if there were none
   */
  public record ObjectiveStatus(
      String name,
      double target,
      @Nullable Double withinS,
      long requests,
      long missed,
      double budgetLeft,
      @Nullable Instant since) {}

  /**
   * A living replica that Serve no longer lists.
   *
   * @param name its actor name
   * @param node the address of its node
   * @param resources the resources that it holds
   * @param seconds how long it has been unlisted, in seconds
   */
  public record OrphanStatus(
      String name,
      String app,
      long pid,
      String node,
      Map<String, Double> resources,
      double seconds) {}

  /** The progress of a package's upload: how many bytes were sent, and the total. */
  public record UploadStatus(String name, long sent, long size) {}

  /**
   * The outcomes of submissions.
   *
   * @param accepted accepted by Serve
   * @param rejected rejected by the driver or by Serve, or without a reply
   * @param failed accepted, but failed to deploy later
   */
  public record Outcomes(int accepted, int rejected, int failed) {
    /** No submissions. */
    public static final Outcomes NONE = new Outcomes(0, 0, 0);

    /** Returns the sum of these outcomes and others. */
    public Outcomes plus(Outcomes more) {
      return new Outcomes(accepted + more.accepted, rejected + more.rejected, failed + more.failed);
    }
  }

  /**
   * The driver process. Its pid is 0 if there is none.
   *
   * @param ended how many drivers have ended
   */
  public record DriverStatus(
      String phase, long pid, @Nullable String session, @Nullable String busyWith, int ended) {}

  /** Our own Ray node. */
  public record NodeStatus(String kind, @Nullable String session, boolean starting) {}

  /**
   * The state of the configuration file.
   *
   * @param file the file; null if there is none
   * @param error what is wrong in the current file, while the last good configuration stays in
   *     effect; null if nothing is
   */
  public record ConfigStatus(@Nullable String file, @Nullable String error) {}

  /**
   * How often one decision was made.
   *
   * @param action the name of the action
   * @param cause why, as a constant
   */
  public record Decided(String action, String cause, long times) {}

  /**
   * The history. All lists have the newest entry last.
   *
   * @param since when the history begins: with the start of this daemon, or of an earlier one
   * @param started when the daemon started
   * @param recovered how often everything was served again
   * @param recoveries the last recoveries
   * @param outages the last periods in which not all declared routes were served; the first begins
   *     with the daemon's start
   * @param events the last changes of phase and reason
   */
  public record Past(
      Instant since,
      Instant started,
      int recovered,
      List<Recovery> recoveries,
      List<Outage> outages,
      List<Event> events) {}

  /**
   * A recovery: everything was served again, this many seconds after the cluster's first sign of
   * life.
   *
   * @param steps what was done when, in the order in which it began
   */
  public record Recovery(Instant at, double seconds, List<Step> steps) {}

  /**
   * A step of a recovery.
   *
   * @param from when it began, in seconds from the cluster's first sign of life
   * @param to when it ended
   */
  public record Step(String name, double from, double to) {}

  /**
   * A period in which not all declared routes were served.
   *
   * @param seconds its duration; null while it lasts
   */
  public record Outage(Instant from, @Nullable Double seconds, String reason) {}

  /** A change of phase or reason. */
  public record Event(Instant at, String phase, String cause, String reason, String action) {}
}
