package ai.seedcore.serve.scaling;

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
import ai.seedcore.serve.contract.Value;
import java.time.Clock;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Recommends a scaling action from current measurements or from a forecast of their history. */
public final class ScalingPredictor implements TensorModel {

  private static final Description DESCRIPTION =
      new Description(
          "ScalingPredictor",
          "policy",
          "1",
          Map.of("cpu_avg", 0.82, "memory_avg", 0.6, "response_time", 1.2, "current_replicas", 4));

  private static final String HISTORY = "history";

  /** The range of the forecast horizon, in seconds: up to one day. */
  private static final Range HORIZON = Range.of(1, 86_400);

  private static final double DEFAULT_HORIZON = 300;
  private static final int DEFAULT_MIN_REPLICAS = 1;
  private static final int DEFAULT_MAX_REPLICAS = 100;

  /** Stands for a number of replicas that the request does not have. */
  private static final int UNKNOWN = -1;

  private final Policy policy;
  private final Limits limits;
  private final Endpoint<Request> endpoint;

  /** A parsed request, with either current values or a history. */
  private static final class Request {
    private final Map<Metric, Double> values = new EnumMap<>(Metric.class);
    private final Points.Reader reader;
    private @Nullable Points history;
    private double horizon = DEFAULT_HORIZON;
    private int currentReplicas = UNKNOWN;
    private int minReplicas = DEFAULT_MIN_REPLICAS;
    private int maxReplicas = UNKNOWN;

    Request(Points.Reader reader) {
      this.reader = reader;
    }

    private void requireOrder() throws Refusal {
      if (minReplicas > maxReplicas()) {
        throw Refusal.field(
            "min_replicas",
            Integer.toString(minReplicas),
            "at most max_replicas (%d)".formatted(maxReplicas()));
      }
    }

    private int maxReplicas() {
      return maxReplicas == UNKNOWN ? Math.max(DEFAULT_MAX_REPLICAS, minReplicas) : maxReplicas;
    }
  }

  /** Creates a deployment with the default policy and limits. */
  public ScalingPredictor() {
    this("{}");
  }

  /**
   * Creates a deployment.
   *
   * @param options a JSON object with {@code policy} and {@code limits}; both are optional
   * @throws IllegalArgumentException if an option is invalid
   */
  public ScalingPredictor(String options) {
    this(Options.read(options, "policy", Policy::read, new Policy()));
  }

  private ScalingPredictor(Options<Policy> options) {
    this.policy = options.own();
    this.limits = options.limits();
    Fields<Request> fields = fields(limits);
    this.endpoint =
        new Endpoint<>(
            DESCRIPTION, limits, Clock.systemUTC(), input -> read(fields, input), this::predict);
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
    return PredictorTensors.INPUTS;
  }

  @Override
  public List<TensorType> outputs() {
    return PredictorTensors.OUTPUTS;
  }

  @Override
  public String version() {
    return DESCRIPTION.modelVersion();
  }

  @Override
  public List<Tensor> infer(Inference inference) {
    return endpoint.infer(inference.bytes(), () -> PredictorTensors.of(predict(read(inference))));
  }

  private Request read(Inference inference) throws Refusal {
    Request request = new Request(new Points.Reader(Metric.history(limits.points())));
    PredictorTensors tensors = new PredictorTensors(inference);
    request.currentReplicas = tensors.integer("current_replicas", 0, request.currentReplicas);
    request.minReplicas = tensors.integer("min_replicas", 0, request.minReplicas);
    request.maxReplicas = tensors.integer("max_replicas", 1, request.maxReplicas);
    request.requireOrder();
    request.horizon = tensors.number("horizon_s", HORIZON, request.horizon);
    request.history = tensors.history(limits.points());
    if (request.history == null) {
      request.values.putAll(tensors.values());
    }
    return request;
  }

  private static Fields<Request> fields(Limits limits) {
    Series series = Metric.history(limits.points());
    Fields<Request> fields = new Fields<>(() -> new Request(new Points.Reader(series)));
    for (Metric metric : Metric.values()) {
      fields.addNullable(
          metric.field,
          Value.number(metric.range),
          (request, value) -> request.values.put(metric, value));
    }
    List<String> options =
        series.addTo(
            fields,
            HISTORY,
            "Earlier measurements, from which the near future is forecast.",
            request -> request.reader);
    List<String> ofHistory = new ArrayList<>(options);
    ofHistory.add("horizon_s");
    return fields
        .add(
            "horizon_s",
            Value.number(HORIZON)
                .described("How far ahead the forecast is, in seconds; by default 300."),
            (request, value) -> request.horizon = value)
        .add(
            "current_replicas",
            Value.integer(0).described("With it, a number of replicas is recommended."),
            (request, value) -> request.currentReplicas = value)
        .add("min_replicas", Value.integer(0), (request, value) -> request.minReplicas = value)
        .add("max_replicas", Value.integer(1), (request, value) -> request.maxReplicas = value)
        .kind("a history", List.of(HISTORY), ofHistory.toArray(String[]::new))
        .kind(
            "current values",
            Metric.SCALED.stream().map(metric -> metric.field).toList(),
            Metric.RATE.field)
        .otherwise(
            input ->
                input.wrong("no metric", "history, or at least one of " + Metric.SCALED_FIELDS));
  }

  private static Request read(Fields<Request> fields, Input input) throws Refusal {
    Request request = fields.read(input);
    request.requireOrder();
    request.history = request.reader.wasRead() ? request.reader.points() : null;
    return request;
  }

  /**
   * Returns what clients are told of a deployment.
   *
   * @param options the options of the deployment, as for the constructor
   */
  public static Api api(String options) {
    Limits limits = Options.read(options, "policy", Policy::read, new Policy()).limits();
    Schema reply = Api.success();
    for (Metric metric : Metric.SCALED) {
      reply = reply.withOptional(String.valueOf(metric.scaleField), Schema.NUMBER);
    }
    Schema forecast =
        Schema.object()
            .with("value", Schema.NUMBER)
            .with("low", Schema.NUMBER)
            .with("high", Schema.NUMBER);
    return new Api(
        "Recommends a scaling action from current measurements, or from a forecast of their history.",
        fields(limits).schema(),
        reply
            .withOptional(
                "overall_scale",
                Schema.NUMBER.described("How many times as much is needed as there is."))
            .with("confidence", Schema.FRACTION)
            .with("action", Schema.words(Policy.ACTIONS))
            .withOptional(
                "forecast",
                Schema.mapOf(forecast).described("By metric, with an 80 % prediction interval."))
            .withOptional("summary", Schema.object().with("missing", Schema.COUNT))
            .withOptional("recommended_replicas", Schema.COUNT),
        DESCRIPTION.example());
  }

  private Map<String, Object> predict(Request request) {
    Map<Metric, Double> values = request.values;
    Map<String, Forecast> forecasts = Map.of();
    if (request.history != null) {
      forecasts = Forecaster.forecast(request.history, request.horizon);
      forecasts.forEach(
          (name, forecast) -> {
            Metric metric = Metric.named(name);
            if (metric != null) {
              values.put(metric, forecast.value());
            }
          });
    }
    Map<String, Object> reply = new LinkedHashMap<>();
    double overall = 0;
    double certainty = 0;
    int count = 0;
    for (Metric metric : Metric.SCALED) {
      Double value = values.get(metric);
      if (value != null) {
        double scale = policy.scale(metric, value);
        reply.put(String.valueOf(metric.scaleField), scale);
        overall += scale;
        Forecast forecast = forecasts.get(metric.field);
        certainty += forecast == null ? 1 : 1 - forecast.relativeWidth();
        count++;
      }
    }
    // Without any of the metrics that decide, nothing is known.
    overall = count == 0 ? 1 : overall / count;
    // The share of the metrics in the request times their mean certainty.
    double confidence = Math.max(0, certainty / Metric.SCALED.size());
    String action = policy.action(overall, confidence);
    if (count > 0) {
      reply.put("overall_scale", overall);
    }
    reply.put("confidence", confidence);
    reply.put("action", action);
    if (request.history != null) {
      reply.put("forecast", toMap(forecasts));
      reply.put("summary", Map.of("missing", request.history.missing()));
      reply.put("model", "forecast");
    }
    if (request.currentReplicas != UNKNOWN) {
      reply.put(
          "recommended_replicas",
          policy.replicas(
              action, request.currentReplicas, request.minReplicas, request.maxReplicas(), values));
    }
    return reply;
  }

  private static Map<String, Object> toMap(Map<String, Forecast> forecasts) {
    Map<String, Object> map = new LinkedHashMap<>();
    forecasts.forEach(
        (name, forecast) ->
            map.put(
                name,
                Map.of("value", forecast.value(), "low", forecast.low(), "high", forecast.high())));
    return map;
  }
}
