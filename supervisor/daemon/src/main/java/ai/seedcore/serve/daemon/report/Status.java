package ai.seedcore.serve.daemon.report;

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
 * All that the daemon knows, at the end of one lap of its loop: the document that {@code /status}
 * answers and that {@code seedcore-serve status} reads. Its keys are these names in snake case.
 * What is added keeps {@link #SCHEMA}; what is changed or removed raises it.
 *
 * @param schema {@link #SCHEMA}
 * @param version the daemon's version
 * @param phase where we are
 * @param cause why, in one word
 * @param reason why, in words
 * @param nextStep what a person is to do, if anything
 * @param since since when the phase holds
 * @param ready whether all declared routes really answer
 * @param lap when this lap ended
 * @param laps how many there were
 * @param action what was decided to do
 * @param nextLookMs in how many milliseconds we look again, at the latest
 * @param workNotBefore until when work is put off after failures; null: it is not
 * @param lastRecoveryS seconds from the last cluster's first sign of life to all routes answering;
 *     null: none yet
 * @param deploys applications submitted in this daemon's life
 * @param role whether this daemon leads, stands by, or does not know yet
 * @param head the cluster's head
 * @param serve whether Serve runs, and why that is not known
 * @param serveState {@code running}, {@code absent} or {@code unknown}
 * @param apps the declared applications
 * @param orphans replicas that Serve has forgotten
 * @param upload the package that is being uploaded; null: none is
 * @param driver the driver
 * @param node our own Ray node
 * @param door the front door; null: there is none
 * @param config where the wishes come from
 * @param exits the last ends of child processes
 * @param decisions how often what was decided
 * @param past what was
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

  /** The version of the document's form. */
  public static final int SCHEMA = 1;

  /** Some who read the stream of events take U+2028 and U+2029 for an end of line. */
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

  /** The document. */
  public String json() {
    return JSON.writeValueAsString(this);
  }

  /** The document without what was, which seldom changes. */
  public String jsonWithoutPast() {
    return WITHOUT_PAST.writeValueAsString(this);
  }

  /** What was, alone. */
  public String pastJson() {
    return JSON.writeValueAsString(past);
  }

  /**
   * Reads the document.
   *
   * @throws IllegalArgumentException if it is none, or one of another form
   */
  public static Status read(String json) {
    try {
      int schema = JSON.readTree(json).path("schema").asInt(0);
      if (schema != SCHEMA) {
        throw new IllegalArgumentException(
            "a status document of form %d was answered, this program reads form %d: use the version of"
                    .formatted(schema, SCHEMA)
                + " the daemon that runs");
      }
      return JSON.readValue(json, Status.class);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("something else than a status document was answered", e);
    }
  }

  /**
   * The head.
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
   * One declared application, wished and seen.
   *
   * @param status Serve's word, or MISSING or UNKNOWN
   * @param probeMs how long the route took to answer when it was asked last
   * @param probedAt when that was
   * @param atWork how many requests its replicas are at work on, where it is busy: a probe waits
   *     for longer than it is to, and yet nothing is wrong; else 0
   * @param attempts how often it was submitted in this life of the cluster
   * @param outcomes what came of all that was submitted in this daemon's life
   */
  public record AppStatus(
      String name,
      String url,
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
      Outcomes outcomes) {

    /** Whether its route answers, or its replicas are at work. */
    public boolean serves() {
      return answers || busy();
    }

    /** Whether its replicas are at work for longer than a probe waits. */
    public boolean busy() {
      return atWork > 0;
    }
  }

  /**
   * A replica that lives and that Serve has forgotten.
   *
   * @param name its actor's name
   * @param node its node's address
   * @param resources what it holds
   * @param seconds for how long it has been seen so
   */
  public record OrphanStatus(
      String name,
      String app,
      long pid,
      String node,
      Map<String, Double> resources,
      double seconds) {}

  /** A package that is being uploaded: how many bytes of it have left, and how many there are. */
  public record UploadStatus(String name, long sent, long size) {}

  /**
   * What came of submissions.
   *
   * @param accepted taken by Serve
   * @param rejected not taken: the driver, or Serve, said no or nothing
   * @param failed taken, and then failed to deploy
   */
  public record Outcomes(int accepted, int rejected, int failed) {
    /** There were none. */
    public static final Outcomes NONE = new Outcomes(0, 0, 0);

    /** These and those. */
    public Outcomes plus(Outcomes more) {
      return new Outcomes(accepted + more.accepted, rejected + more.rejected, failed + more.failed);
    }
  }

  /**
   * The driver process; pid 0: there is none.
   *
   * @param ended how many have ended
   */
  public record DriverStatus(
      String phase, long pid, @Nullable String session, @Nullable String busyWith, int ended) {}

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

  /**
   * How often something was decided for one reason.
   *
   * @param action the action's name
   * @param cause why, in one word
   */
  public record Decided(String action, String cause, long times) {}

  /**
   * What was; of the lists the newest last.
   *
   * @param started when the daemon started
   * @param recovered how often all was served again
   * @param recoveries the last of those
   * @param outages the last times in which not all declared routes answered, the first of them from
   *     the daemon's start on
   * @param events the last changes of phase and reason
   */
  public record Past(
      Instant started,
      int recovered,
      List<Recovery> recoveries,
      List<Outage> outages,
      List<Event> events) {}

  /** All was served again, so many seconds after the cluster's first sign of life. */
  public record Recovery(Instant at, double seconds) {}

  /**
   * Not all declared routes answered.
   *
   * @param seconds how long; null: it goes on
   */
  public record Outage(Instant from, @Nullable Double seconds, String reason) {}

  /** A change of phase or reason. */
  public record Event(Instant at, String phase, String cause, String reason, String action) {}
}
