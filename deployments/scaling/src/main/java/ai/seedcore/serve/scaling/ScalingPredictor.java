package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Timestamps;
import java.time.Clock;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Says by how much to scale, from what is measured now or from a forecast of its history. */
public final class ScalingPredictor {

  private static final String MODEL = "policy";
  private static final String RATE = "request_rate";
  private static final String HISTORY = "history";
  private static final Set<String> KNOWN =
      with(
          Metric.NAMES,
          RATE,
          HISTORY,
          "horizon_s",
          "current_replicas",
          "min_replicas",
          "max_replicas");
  private static final Set<String> KNOWN_OF_A_POINT = with(Metric.NAMES, RATE, "timestamp");
  private static final Description DESCRIPTION =
      new Description(
          "ScalingPredictor",
          MODEL,
          "1",
          Map.of("cpu_avg", 0.82, "memory_avg", 0.6, "response_time", 1.2, "current_replicas", 4));

  private static final double UP = 1.2;
  private static final double DOWN = 0.95;
  private static final double SURE = 0.5;

  /** The use of cpu and memory that replicas are chosen for. */
  private static final double TARGET = 0.6;

  /** As near to the target the number of replicas is kept, as Kubernetes' autoscaler does. */
  private static final double TOLERANCE = 0.1;

  private final Limits limits;
  private final Endpoint endpoint;

  /** As Serve makes it. */
  public ScalingPredictor() {
    this(Limits.DEFAULT, Clock.systemUTC());
  }

  ScalingPredictor(Limits limits, Clock clock) {
    this.limits = limits;
    this.endpoint = new Endpoint(DESCRIPTION, KNOWN, limits, clock, this::predict);
  }

  /** Answers one request; the name and the types are those that Serve calls. */
  public Object call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Whether the model can answer; Serve asks every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  private Map<String, Object> predict(Fields request) throws Refusal {
    int current = request.integer("current_replicas", 0, Integer.MAX_VALUE, -1);
    int least = request.integer("min_replicas", 0, Integer.MAX_VALUE, 1);
    int most = request.integer("max_replicas", 1, Integer.MAX_VALUE, Math.max(100, least));
    if (least > most) {
      throw invalid(
          "min_replicas: found %d, expected no more than max_replicas, %d".formatted(least, most));
    }

    Map<String, Object> reply = new LinkedHashMap<>();
    EnumMap<Metric, Double> values = new EnumMap<>(Metric.class);
    double sureness = 1;
    Map<String, Object> forecasts = new LinkedHashMap<>();
    if (request.has(HISTORY)) {
      for (String other : KNOWN_OF_A_POINT) {
        if (request.has(other)) {
          throw invalid("%s: found beside history, expected within its entries".formatted(other));
        }
      }
      EnumMap<Metric, Forecast> ahead = forecast(request);
      double width = 0;
      for (Map.Entry<Metric, Forecast> entry : ahead.entrySet()) {
        Forecast forecast = entry.getValue();
        values.put(entry.getKey(), forecast.value());
        width += forecast.relativeWidth() / ahead.size();
        forecasts.put(
            entry.getKey().field,
            Map.of("value", forecast.value(), "low", forecast.low(), "high", forecast.high()));
      }
      sureness = Math.max(0, 1 - width);
    } else {
      if (request.has("horizon_s")) {
        throw invalid("horizon_s: found without history, expected beside it");
      }
      request.number(RATE, Range.NOT_NEGATIVE, 0);
      for (Metric metric : Metric.values()) {
        if (request.has(metric.field)) {
          values.put(metric, request.number(metric.field, metric.range));
        }
      }
      if (values.isEmpty()) {
        throw invalid(
            "body: found no metric, expected history or one of cpu_avg, memory_avg, response_time");
      }
    }

    double overall = 0;
    for (Map.Entry<Metric, Double> entry : values.entrySet()) {
      double scale = entry.getKey().policy.scale(entry.getValue());
      reply.put(entry.getKey().scaleField, scale);
      overall += scale / values.size();
    }
    double confidence = (double) values.size() / Metric.values().length * sureness;
    String action = action(overall, confidence);
    reply.put("overall_scale", overall);
    reply.put("confidence", confidence);
    reply.put("action", action);
    if (!forecasts.isEmpty()) {
      reply.put("forecast", forecasts);
    }
    if (current >= 0) {
      reply.put("recommended_replicas", replicas(action, current, least, most, values));
    }
    reply.put("model", MODEL);
    return reply;
  }

  private static String action(double overall, double confidence) {
    if (confidence < SURE) {
      return "monitor";
    }
    return overall > UP ? "scale_up" : overall < DOWN ? "scale_down" : "maintain";
  }

  private static int replicas(
      String action, int current, int least, int most, Map<Metric, Double> values) {
    double ratio =
        Math.max(
            values.getOrDefault(Metric.CPU, 0.0) / TARGET,
            values.getOrDefault(Metric.MEMORY, 0.0) / TARGET);
    boolean unknown = !values.containsKey(Metric.CPU) && !values.containsKey(Metric.MEMORY);
    int wanted =
        unknown || Math.abs(ratio - 1) <= TOLERANCE
            ? current
            : (int) Math.min(Integer.MAX_VALUE, Math.ceil(current * ratio));
    return switch (action) {
      case "scale_up" -> Math.max(current, Math.min(most, wanted));
      case "scale_down" -> Math.min(current, Math.max(least, wanted));
      default -> current;
    };
  }

  private EnumMap<Metric, Forecast> forecast(Fields request) throws Refusal {
    double horizon = request.number("horizon_s", Range.of(1, 86_400), 300);
    JsonNode history = request.list(HISTORY, limits.points());
    Fields first = Fields.of(history.get(0), HISTORY + "[0]", KNOWN_OF_A_POINT);
    List<Metric> given =
        List.of(Metric.values()).stream().filter(metric -> first.has(metric.field)).toList();
    if (given.isEmpty()) {
      throw invalid(
          "history[0]: found no metric, expected one of cpu_avg, memory_avg, response_time");
    }
    double[] times = new double[history.size()];
    double[][] values = new double[given.size()][history.size()];
    Timestamps clock = new Timestamps();
    int index = 0;
    for (JsonNode node : history) {
      Fields point = Fields.of(node, HISTORY + "[" + index + "]", KNOWN_OF_A_POINT);
      times[index] = clock.next(point.value("timestamp"), point.at("timestamp"));
      point.number(RATE, Range.NOT_NEGATIVE, 0);
      for (int i = 0; i < given.size(); i++) {
        values[i][index] = point.number(given.get(i).field, given.get(i).range);
      }
      if (!point.names().containsAll(first.names()) || !first.names().containsAll(point.names())) {
        throw invalid(
            "history[%d]: found the fields %s, expected those of history[0]: %s"
                .formatted(index, point.names(), first.names()));
      }
      index++;
    }
    EnumMap<Metric, Forecast> ahead = new EnumMap<>(Metric.class);
    for (int i = 0; i < given.size(); i++) {
      Range range = given.get(i).range;
      ahead.put(
          given.get(i), Forecast.line(times, values[i], horizon).within(range.low(), range.high()));
    }
    return ahead;
  }

  private static Refusal invalid(String message) {
    return new Refusal(Refusal.Code.INVALID_FIELD, message);
  }

  private static Set<String> with(Set<String> names, String... more) {
    Set<String> all = new HashSet<>(names);
    all.addAll(List.of(more));
    return Set.copyOf(all);
  }
}
