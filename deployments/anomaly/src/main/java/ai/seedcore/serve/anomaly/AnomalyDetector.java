package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Options;
import ai.seedcore.serve.contract.Points;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Scores the points of a time series in order and reports the anomalous ones. The score of a point
 * depends only on that point and the points before it.
 */
public final class AnomalyDetector {

  private static final Description DESCRIPTION =
      new Description(
          "AnomalyDetector",
          "robust",
          "2",
          Map.of("data", List.of(Map.of("cpu_usage", 0.42), Map.of("cpu_usage", 0.97))));

  private final Limits limits;
  private final Thresholds thresholds;
  private final Endpoint<Request> endpoint;

  /** A parsed request. */
  private record Request(Points points, double sensitivity) {}

  /** Creates a deployment with the default thresholds and limits. */
  public AnomalyDetector() {
    this("{}");
  }

  /**
   * Creates a deployment.
   *
   * @param options a JSON object with {@code thresholds}, by metric, and {@code limits}; both are
   *     optional
   * @throws IllegalArgumentException if an option is invalid
   */
  public AnomalyDetector(String options) {
    this(Options.read(options, "thresholds", Thresholds::read, new Thresholds()));
  }

  private AnomalyDetector(Options<Thresholds> options) {
    this.thresholds = options.own();
    this.limits = options.limits();
    this.endpoint =
        new Endpoint<>(DESCRIPTION, limits, Clock.systemUTC(), this::read, this::detect);
  }

  /** Answers one request. Serve requires this name and signature. */
  public Response call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Returns whether the deployment is healthy. Serve calls it every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  private Request read(Input input) throws Refusal {
    Points.Reader points = new Points.Reader(thresholds::range);
    double[] sensitivity = {Detector.DEFAULT_SENSITIVITY};
    boolean[] given = {false};
    input.object(
        name -> {
          switch (name) {
            case "data" -> {
              points.read(input, limits.points(), true, false);
              given[0] = true;
            }
            case "sensitivity" -> sensitivity[0] = input.number(Range.FRACTION);
            case "ignore", "missing" -> points.option(name, input);
            default -> throw input.unknown("data", "sensitivity", "ignore", "missing");
          }
        });
    if (!given[0]) {
      throw input.missing("data", "a list of numbers or objects");
    }
    return new Request(points.points(), sensitivity[0]);
  }

  private Map<String, Object> detect(Request request) {
    Points points = request.points;
    Detector detector = new Detector(points.metrics(), thresholds, request.sensitivity);
    List<Object> scores = new ArrayList<>(points.size());
    List<Object> anomalies = new ArrayList<>();
    int warnings = 0;
    int criticals = 0;
    for (int i = 0; i < points.size(); i++) {
      Timestamp time = points.timestamps().isEmpty() ? null : points.timestamps().get(i);
      Verdict verdict = detector.next(points.rows().get(i), time);
      scores.add(verdict.score());
      if (verdict.severity() != Severity.NORMAL) {
        anomalies.add(anomaly(i, time, verdict));
        warnings += verdict.severity() == Severity.WARNING ? 1 : 0;
        criticals += verdict.severity() == Severity.CRITICAL ? 1 : 0;
      }
    }

    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("total", points.size());
    summary.put("warning", warnings);
    summary.put("critical", criticals);
    summary.put("normal", points.size() - warnings - criticals);
    summary.put("anomaly_rate", (double) (warnings + criticals) / points.size());
    summary.put("missing", points.missing());

    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("anomalies", anomalies);
    reply.put("scores", scores);
    reply.put("summary", summary);
    reply.put("judges", judges(points, detector));
    return reply;
  }

  /** Returns the names of the methods that scored at least one point. */
  private List<String> judges(Points points, Detector detector) {
    List<String> judges = new ArrayList<>();
    if (points.metrics().stream().anyMatch(thresholds::contains)) {
      judges.add("thresholds");
    }
    judges.addAll(detector.judges());
    return judges;
  }

  private static Map<String, Object> anomaly(int index, @Nullable Timestamp time, Verdict verdict) {
    Map<String, Object> anomaly = new LinkedHashMap<>();
    anomaly.put("index", index);
    if (time != null) {
      anomaly.put("timestamp", time.given());
    }
    anomaly.put("score", verdict.score());
    anomaly.put("severity", verdict.severity().name().toLowerCase(Locale.ROOT));
    anomaly.put("reasons", verdict.reasons());
    return anomaly;
  }
}
