package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Options;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.time.Clock;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Says by how much to scale, from what is measured now or from a forecast of its history. */
public final class ScalingPredictor {

  private static final Description DESCRIPTION =
      new Description(
          "ScalingPredictor",
          "policy",
          "1",
          Map.of("cpu_avg", 0.82, "memory_avg", 0.6, "response_time", 1.2, "current_replicas", 4));
  private static final Range HORIZON = Range.of(1, 86_400);
  private static final double DEFAULT_HORIZON = 300;
  private static final int DEFAULT_MOST = 100;
  private static final int UNKNOWN = -1;

  private final Policy policy;
  private final Limits limits;
  private final Endpoint<Request> endpoint;

  /** One request: either values or a history. */
  private static final class Request {
    private final Map<Metric, Double> values = new EnumMap<>(Metric.class);
    private @Nullable History history;
    private double horizon = DEFAULT_HORIZON;
    private int current = UNKNOWN;
    private int least = 1;
    private int most = UNKNOWN;

    private int most() {
      return most == UNKNOWN ? Math.max(DEFAULT_MOST, least) : most;
    }
  }

  /** With the contract's policy. */
  public ScalingPredictor() {
    this("{}");
  }

  /**
   * As it is declared.
   *
   * @param options a JSON object: {@code policy} and {@code limits}
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

  /** Answers one request; the name and the types are those that Serve calls. */
  public Object call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Whether the model can answer; Serve asks every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  private Request read(Input input) throws Refusal {
    Request request = new Request();
    List<String> given = new ArrayList<>();
    input.object(
        name -> {
          given.add(name);
          Metric metric = Metric.named(name);
          if (metric != null) {
            request.values.put(metric, input.number(metric.range));
            return;
          }
          switch (name) {
            case "history" -> request.history = History.read(input, limits.points());
            case "horizon_s" -> request.horizon = input.number(HORIZON);
            case "current_replicas" -> request.current = input.integer(0, Integer.MAX_VALUE);
            case "min_replicas" -> request.least = input.integer(0, Integer.MAX_VALUE);
            case "max_replicas" -> request.most = input.integer(1, Integer.MAX_VALUE);
            default -> {
              List<String> known = new ArrayList<>(Metric.names());
              known.addAll(
                  List.of(
                      "history", "horizon_s", "current_replicas", "min_replicas", "max_replicas"));
              throw input.unknown(known);
            }
          }
        });
    if (request.least > request.most()) {
      throw Refusal.field(
          "min_replicas",
          Integer.toString(request.least),
          "no more than max_replicas, " + request.most());
    }
    if (request.history == null) {
      if (given.contains("horizon_s")) {
        throw Refusal.field("horizon_s", "it without history", "it beside history only");
      }
      if (Metric.SCALED.stream().noneMatch(request.values::containsKey)) {
        throw input.wrong(
            "no metric", "history, or one of cpu_avg, memory_avg, response_time at the least");
      }
    } else if (!request.values.isEmpty()) {
      throw Refusal.field(
          request.values.keySet().iterator().next().field,
          "it beside history",
          "either values or their history");
    }
    return request;
  }

  private Map<String, Object> predict(Request request) {
    Map<Metric, Double> values = request.values;
    Map<Metric, Forecast> forecasts = new EnumMap<>(Metric.class);
    if (request.history != null) {
      forecasts = Forecaster.forecast(request.history, request.horizon);
      forecasts.forEach((metric, forecast) -> values.put(metric, forecast.value()));
    }
    Map<String, Object> reply = new LinkedHashMap<>();
    double overall = 0;
    double sureness = 0;
    int count = 0;
    for (Metric metric : Metric.SCALED) {
      Double value = values.get(metric);
      if (value != null) {
        double scale = policy.scale(metric, value);
        reply.put(String.valueOf(metric.scaleField), scale);
        overall += scale;
        Forecast forecast = forecasts.get(metric);
        sureness += forecast == null ? 1 : 1 - forecast.relativeWidth();
        count++;
      }
    }
    overall /= count;
    // The share of the metrics given, times the mean sureness of what was given.
    double confidence = Math.max(0, sureness / Metric.SCALED.size());
    String action = policy.action(overall, confidence);
    reply.put("overall_scale", overall);
    reply.put("confidence", confidence);
    reply.put("action", action);
    if (!forecasts.isEmpty()) {
      reply.put("forecast", toMap(forecasts));
      reply.put("model", "forecast");
    }
    if (request.current != UNKNOWN) {
      reply.put(
          "recommended_replicas",
          policy.replicas(action, request.current, request.least, request.most(), values));
    }
    return reply;
  }

  private static Map<String, Object> toMap(Map<Metric, Forecast> forecasts) {
    Map<String, Object> map = new LinkedHashMap<>();
    forecasts.forEach(
        (metric, forecast) ->
            map.put(
                metric.field,
                Map.of("value", forecast.value(), "low", forecast.low(), "high", forecast.high())));
    return map;
  }
}
