package ai.seedcore.serve.scaling;

import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorModel;
import ai.seedcore.serve.api.TensorType;
import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Options;
import ai.seedcore.serve.contract.Points;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
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
    private @Nullable Points history;
    private double horizon = DEFAULT_HORIZON;
    private int currentReplicas = UNKNOWN;
    private int minReplicas = DEFAULT_MIN_REPLICAS;
    private int maxReplicas = UNKNOWN;

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
    this.endpoint =
        new Endpoint<>(DESCRIPTION, limits, Clock.systemUTC(), this::read, this::predict);
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
    Request request = new Request();
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

  private Request read(Input input) throws Refusal {
    Request request = new Request();
    List<String> given = new ArrayList<>();
    Points.Reader history = new Points.Reader(Metric::range);
    input.object(
        name -> {
          given.add(name);
          Metric metric = Metric.named(name);
          if (metric != null) {
            if (!input.isNull()) {
              request.values.put(metric, input.number(metric.range));
            }
            return;
          }
          switch (name) {
            case "history" -> history.read(input, limits.points(), false, true);
            case "ignore", "missing" -> history.option(name, input);
            case "horizon_s" -> request.horizon = input.number(HORIZON);
            case "current_replicas" ->
                request.currentReplicas = input.integer(0, Integer.MAX_VALUE);
            case "min_replicas" -> request.minReplicas = input.integer(0, Integer.MAX_VALUE);
            case "max_replicas" -> request.maxReplicas = input.integer(1, Integer.MAX_VALUE);
            default -> {
              List<String> known = new ArrayList<>(Metric.names());
              known.addAll(
                  List.of(
                      "history", "horizon_s", "current_replicas", "min_replicas", "max_replicas"));
              known.addAll(Points.OPTIONS);
              throw input.unknown(known);
            }
          }
        });
    request.requireOrder();
    if (!given.contains("history")) {
      for (String name : List.of("horizon_s", "ignore", "missing")) {
        if (given.contains(name)) {
          throw Refusal.field(name, "it without history", "it only together with history");
        }
      }
      if (Metric.SCALED.stream().noneMatch(request.values::containsKey)) {
        throw input.wrong("no metric", "history, or at least one of " + Metric.SCALED_FIELDS);
      }
    } else if (!request.values.isEmpty()) {
      throw Refusal.field(
          request.values.keySet().iterator().next().field,
          "it together with history",
          "either current values or a history");
    } else {
      request.history = history.points();
    }
    return request;
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
