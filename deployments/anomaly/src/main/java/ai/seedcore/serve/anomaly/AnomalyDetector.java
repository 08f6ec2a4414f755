package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.anomaly.Verdict.Severity;
import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorModel;
import ai.seedcore.serve.api.TensorType;
import ai.seedcore.serve.contract.Api;
import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Options;
import ai.seedcore.serve.contract.Points;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Schema;
import ai.seedcore.serve.contract.Series;
import ai.seedcore.serve.contract.Timestamps.Timestamp;
import ai.seedcore.serve.contract.Value;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Scores the points of a time series in order and reports the anomalous ones. The score of a point
 * depends only on that point and the points before it.
 */
public final class AnomalyDetector implements TensorModel {

  private static final Description DESCRIPTION =
      new Description(
          "AnomalyDetector",
          "robust",
          "2",
          Map.of("data", List.of(Map.of("cpu_usage", 0.42), Map.of("cpu_usage", 0.97))));

  private final Limits limits;
  private final Thresholds thresholds;
  private final Series series;
  private final Endpoint<Request> endpoint;

  /** A parsed request. */
  private record Request(Points points, double sensitivity) {}

  /** A request that is being read. */
  private static final class Draft {
    private final Points.Reader points;
    private double sensitivity = Detector.DEFAULT_SENSITIVITY;

    Draft(Series series) {
      this.points = new Points.Reader(series);
    }
  }

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
    this.series = series(limits, thresholds);
    Fields<Draft> fields = fields(series);
    this.endpoint =
        new Endpoint<>(
            DESCRIPTION, limits, Clock.systemUTC(), input -> read(fields, input), this::detect);
  }

  /** Answers one request. Serve requires this name and signature. */
  public Response call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Returns whether the deployment is healthy. Serve calls it every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  @Override
  public List<TensorType> inputs() {
    return List.of(
        TensorType.of("data", Datatype.FP64, -1, -1),
        TensorType.optional("metrics", Datatype.BYTES, -1),
        TensorType.optional("timestamps", Datatype.FP64, -1));
  }

  @Override
  public List<TensorType> outputs() {
    return List.of(
        TensorType.of("scores", Datatype.FP64, -1),
        TensorType.of("severities", Datatype.BYTES, -1));
  }

  @Override
  public String version() {
    return DESCRIPTION.modelVersion();
  }

  @Override
  public List<Tensor> infer(Inference request) {
    return endpoint.infer(request.bytes(), () -> severities(read(request)));
  }

  private Request read(Inference request) throws Refusal {
    Tensor data = request.input("data");
    if (data.shape().get(0) > limits.points()) {
      throw new Refusal(
          Refusal.Code.TOO_LARGE,
          "data: found %d points, expected at most %d"
              .formatted(data.shape().get(0), limits.points()));
    }
    int width = data.shape().get(1);
    if (width > Points.MAX_METRICS) {
      throw new Refusal(
          Refusal.Code.TOO_LARGE,
          "data: found %d metrics, expected at most %d".formatted(width, Points.MAX_METRICS));
    }
    List<String> metrics =
        request
            .find("metrics")
            .map(Tensor::texts)
            .orElseGet(
                () ->
                    width == 1
                        ? List.of(Points.UNNAMED_METRIC)
                        : IntStream.range(0, width).mapToObj(i -> "value_" + i).toList());
    if (metrics.size() != width || metrics.stream().distinct().count() != width) {
      throw Refusal.field(
          "metrics", "%d names".formatted(metrics.size()), "%d different ones".formatted(width));
    }
    Object sensitivity =
        request.parameters().getOrDefault("sensitivity", Detector.DEFAULT_SENSITIVITY);
    if (!(sensitivity instanceof Number number)) {
      throw Refusal.field("parameters.sensitivity", "no number", Range.FRACTION.words());
    }
    double[] times = request.find("timestamps").map(Tensor::doubles).orElse(null);
    return new Request(
        Points.of("data", metrics, data.doubles(), times, series),
        Range.FRACTION.require(number.doubleValue(), () -> "parameters.sensitivity"));
  }

  private List<Tensor> severities(Request request) {
    Points points = request.points;
    Detector detector = new Detector(points.metrics(), thresholds, request.sensitivity);
    double[] scores = new double[points.size()];
    String[] severities = new String[points.size()];
    for (int i = 0; i < points.size(); i++) {
      Verdict verdict = detector.next(points.rows().get(i), points.timestamp(i));
      scores[i] = verdict.score();
      severities[i] = verdict.severity().word();
    }
    return List.of(Tensor.of("scores", scores), Tensor.of("severities", severities));
  }

  private static Series series(Limits limits, Thresholds thresholds) {
    return new Series(limits.points(), true, false, thresholds.ranges());
  }

  private static Fields<Draft> fields(Series series) {
    Fields<Draft> fields =
        new Fields<>(() -> new Draft(series))
            .add(
                "sensitivity",
                Value.number(Range.FRACTION)
                    .described("Higher reports more; by default " + Detector.DEFAULT_SENSITIVITY),
                (draft, value) -> draft.sensitivity = value);
    series.addTo(
        fields, "data", "The points, in order: numbers, or metrics.", draft -> draft.points);
    return fields.require("data", "a list of numbers or objects");
  }

  private static Request read(Fields<Draft> fields, Input input) throws Refusal {
    Draft draft = fields.read(input);
    return new Request(draft.points.points(), draft.sensitivity);
  }

  /**
   * Returns what clients are told of a deployment.
   *
   * @param options the options of the deployment, as for the constructor
   */
  public static Api api(String options) {
    Options<Thresholds> read =
        Options.read(options, "thresholds", Thresholds::read, new Thresholds());
    Schema anomaly =
        Schema.object()
            .with("index", Schema.COUNT)
            .withOptional("timestamp", Schema.anyOf(Schema.NUMBER, Schema.TEXT))
            .with("score", Schema.FRACTION)
            .with(
                "severity",
                Schema.words(List.of(Severity.WARNING.word(), Severity.CRITICAL.word())))
            .with("reasons", Schema.list(Schema.TEXT));
    Schema summary =
        Schema.object()
            .with("total", Schema.COUNT)
            .with("warning", Schema.COUNT)
            .with("critical", Schema.COUNT)
            .with("normal", Schema.COUNT)
            .with("anomaly_rate", Schema.FRACTION)
            .with("missing", Schema.COUNT.described("How many values are missing."));
    return new Api(
        "Scores the points of a time series in order, and reports the anomalous ones.",
        fields(series(read.limits(), read.own())).schema(),
        Api.success()
            .with("anomalies", Schema.list(anomaly))
            .with(
                "scores",
                Schema.list(Schema.FRACTION)
                    .described("One score for each point; higher is stranger."))
            .with("summary", summary)
            .with(
                "judges",
                Schema.list(Schema.TEXT).described("The methods that scored at least one point.")),
        DESCRIPTION.example());
  }

  private Map<String, Object> detect(Request request) {
    Points points = request.points;
    Detector detector = new Detector(points.metrics(), thresholds, request.sensitivity);
    List<Object> scores = new ArrayList<>(points.size());
    List<Object> anomalies = new ArrayList<>();
    int warnings = 0;
    int criticals = 0;
    for (int i = 0; i < points.size(); i++) {
      Timestamp time = points.timestamp(i);
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
    anomaly.put("severity", verdict.severity().word());
    anomaly.put("reasons", verdict.reasons());
    return anomaly;
  }
}
