package ai.seedcore.serve.scaling;

import ai.seedcore.serve.contract.Input;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * What values mean: how each becomes a scale, what follows from their mean, and how many replicas
 * are enough.
 */
final class Policy {

  /**
   * One metric's value to a scale: 1 in between, above {@code over} up, below {@code under} down.
   *
   * @param up how fast the scale rises above {@code over}
   * @param down how fast it falls below {@code under}
   * @param low the least scale
   * @param high the greatest scale
   */
  record Scale(double over, double under, double up, double down, double low, double high) {
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
        throw input.wrong("a clip that 1 is not within", "low up to 1, high from 1 on");
      }
      return new Scale(values[0], values[1], values[2], values[3], values[4], values[5]);
    }
  }

  private final Map<Metric, Scale> scales = new EnumMap<>(Metric.class);

  /** Above it is {@code scale_up}. */
  private double upAbove = 1.2;

  /** Below it is {@code scale_down}. */
  private double downBelow = 0.95;

  /** Below this confidence is {@code monitor}. */
  private double confidence = 0.5;

  /** The use of cpu and of memory that replicas are chosen for. */
  private double target = 0.6;

  /** As near to the target the number of replicas is kept, as Kubernetes' autoscaler does. */
  private double tolerance = 0.1;

  /** The contract's own. */
  Policy() {
    scales.put(Metric.CPU, new Scale(0.70, 0.30, 2, 0.5, 0.5, 2));
    scales.put(Metric.MEMORY, new Scale(0.75, 0.40, 1.5, 0.3, 0.5, 2));
    scales.put(Metric.RESPONSE, new Scale(1.5, 0.5, 0.3, 0.2, 0.8, 1.5));
  }

  /** Reads the option {@code policy}: an object that names what is to be otherwise. */
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

  /** The scale that a metric's value asks for. */
  double scale(Metric metric, double value) {
    Scale scale = scales.get(metric);
    if (scale == null) {
      throw new IllegalArgumentException(metric + " has no scale");
    }
    return scale.of(value);
  }

  /** What is to be done. */
  String action(double overall, double sureness) {
    if (sureness < confidence) {
      return "monitor";
    }
    return overall > upAbove ? "scale_up" : overall < downBelow ? "scale_down" : "maintain";
  }

  /**
   * The replicas that keep cpu and memory at their target; never against the action.
   *
   * @param values by metric; without cpu and memory the number is kept
   */
  int replicas(String action, int current, int least, int most, Map<Metric, Double> values) {
    Double cpu = values.get(Metric.CPU);
    Double memory = values.get(Metric.MEMORY);
    double ratio =
        cpu == null && memory == null
            ? 1
            : Math.max(cpu == null ? 0 : cpu, memory == null ? 0 : memory) / target;
    int wanted =
        Math.abs(ratio - 1) <= tolerance
            ? current
            : (int) Math.min(Integer.MAX_VALUE, Math.ceil(current * ratio));
    return switch (action) {
      case "scale_up" -> Math.max(current, Math.min(most, wanted));
      case "scale_down" -> Math.min(current, Math.max(least, wanted));
      default -> current;
    };
  }
}
