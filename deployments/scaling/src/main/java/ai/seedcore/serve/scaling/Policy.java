package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The scaling policy: converts each metric to a scale, the mean scale to an action, and the metrics
 * to a number of replicas.
 */
final class Policy {

  /**
   * The conversion of a metric's value to a scale: 1 between {@code under} and {@code over}, linear
   * outside, and clipped.
   *
   * @param over the value above which the scale increases
   * @param under the value below which the scale decreases
   * @param up the slope above {@code over}
   * @param down the slope below {@code under}
   * @param low the minimum scale
   * @param high the maximum scale
   */
  record Scale(double over, double under, double up, double down, double low, double high) {
    /** Returns the scale of a value. */
    double of(double value) {
      double scale = 1;
      if (value > over) {
        scale = 1 + up * (value - over);
      } else if (value < under) {
        scale = 1 - down * (under - value);
      }
      return Math.max(low, Math.min(high, scale));
    }

    private static Scale read(Input input, Scale absent) throws Refusal {
      double[] values = {
        absent.over, absent.under, absent.up, absent.down, absent.low, absent.high
      };
      String[] names = {"over", "under", "up", "down", "low", "high"};
      input.object(
          name -> {
            int index = Arrays.asList(names).indexOf(name);
            if (index < 0) {
              throw input.unknown(names);
            }
            values[index] = input.number(Range.NOT_NEGATIVE);
          });
      if (values[0] < values[1]) {
        throw input.wrong("over below under", "over no less than under");
      }
      if (values[4] > 1 || values[5] < 1) {
        throw input.wrong("a range from low to high without 1", "low at most 1, high at least 1");
      }
      return new Scale(values[0], values[1], values[2], values[3], values[4], values[5]);
    }
  }

  private static final String SCALE_UP = "scale_up";
  private static final String SCALE_DOWN = "scale_down";
  private static final String MAINTAIN = "maintain";
  private static final String MONITOR = "monitor";

  /** The actions that may be recommended. */
  static final List<String> ACTIONS = List.of(SCALE_UP, SCALE_DOWN, MAINTAIN, MONITOR);

  private final Map<Metric, Scale> scales = new EnumMap<>(Metric.class);

  /** The overall scale above which the action is {@code scale_up}. */
  private double upAbove = 1.2;

  /** The overall scale below which the action is {@code scale_down}. */
  private double downBelow = 0.95;

  /** The confidence below which the action is {@code monitor}. */
  private double confidence = 0.5;

  /** The CPU and memory utilization that the number of replicas aims at. */
  private double target = 0.6;

  /**
   * The relative deviation from the target up to which the number of replicas stays the same. The
   * Kubernetes Horizontal Pod Autoscaler has the same tolerance.
   */
  private double tolerance = 0.1;

  /** Creates the default policy. */
  Policy() {
    scales.put(Metric.CPU, new Scale(0.70, 0.30, 2, 0.5, 0.5, 2));
    scales.put(Metric.MEMORY, new Scale(0.75, 0.40, 1.5, 0.3, 0.5, 2));
    scales.put(Metric.RESPONSE, new Scale(1.5, 0.5, 0.3, 0.2, 0.8, 1.5));
  }

  /** Reads the option {@code policy}. A value that it does not name has its default. */
  static Policy read(Input input) throws Refusal {
    Policy policy = new Policy();
    input.object(
        name -> {
          Metric metric = Metric.named(name);
          Scale scale = metric == null ? null : policy.scales.get(metric);
          if (metric != null && scale != null) {
            policy.scales.put(metric, Scale.read(input, scale));
            return;
          }
          switch (name) {
            case "up_above" -> policy.upAbove = input.number(Range.of(1, 100));
            case "down_below" -> policy.downBelow = input.number(Range.FRACTION);
            case "confidence" -> policy.confidence = input.number(Range.FRACTION);
            case "target" -> policy.target = input.number(Range.of(0.01, 1));
            case "tolerance" -> policy.tolerance = input.number(Range.FRACTION);
            default ->
                throw input.unknown(
                    "cpu_avg",
                    "memory_avg",
                    "response_time",
                    "up_above",
                    "down_below",
                    "confidence",
                    "target",
                    "tolerance");
          }
        });
    return policy;
  }

  /** Returns the scale of a metric's value. */
  double scale(Metric metric, double value) {
    Scale scale = scales.get(metric);
    if (scale == null) {
      throw new IllegalArgumentException(metric + " has no scale");
    }
    return scale.of(value);
  }

  /**
   * Returns the recommended action.
   *
   * @param overall the overall scale
   * @param certainty the confidence in it, 0..1
   */
  String action(double overall, double certainty) {
    if (certainty < confidence) {
      return MONITOR;
    }
    return overall > upAbove ? SCALE_UP : overall < downBelow ? SCALE_DOWN : MAINTAIN;
  }

  /**
   * Returns the number of replicas that brings CPU and memory to their target. It never contradicts
   * the action.
   *
   * @param current the current number of replicas
   * @param min the minimum number of replicas
   * @param max the maximum number of replicas
   * @param values one value per metric; without CPU and memory, the number stays the same
   */
  int replicas(String action, int current, int min, int max, Map<Metric, Double> values) {
    Double cpu = values.get(Metric.CPU);
    Double memory = values.get(Metric.MEMORY);
    double ratio =
        cpu == null && memory == null
            ? 1
            : Math.max(cpu == null ? 0 : cpu, memory == null ? 0 : memory) / target;
    int desired =
        Math.abs(ratio - 1) <= tolerance
            ? current
            : (int) Math.min(Integer.MAX_VALUE, Math.ceil(current * ratio));
    return switch (action) {
      case SCALE_UP -> Math.max(current, Math.min(max, desired));
      case SCALE_DOWN -> Math.min(current, Math.max(min, desired));
      default -> current;
    };
  }
}
