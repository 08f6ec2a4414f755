package ai.seedcore.serve.bench.scaling;

import ai.seedcore.serve.scaling.ScalingPredictor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Prints the errors of ScalingPredictor's forecasts and of two naive forecasts: the last value, and
 * the value at the same time yesterday. The predictor was tuned on the seeds 1 to 3; the table uses
 * other seeds.
 */
public final class ForecastTable {

  private static final int FIRST_SEED = 101;
  private static final int SEEDS = 6;

  /** The length of the history, in days. */
  private static final int HISTORY = 4;

  /** The number of forecasts per seed, evenly distributed over one day. */
  private static final int FORECASTS = 24;

  /** The horizons, in seconds. */
  private static final int[] HORIZONS = {300, 1_800, 7_200};

  /**
   * Sums of absolute errors.
   *
   * @param inside the number of values inside the prediction interval
   */
  private record Errors(double predictor, double last, double yesterday, double inside) {
    Errors plus(Errors other) {
      return new Errors(
          predictor + other.predictor,
          last + other.last,
          yesterday + other.yesterday,
          inside + other.inside);
    }
  }

  private ForecastTable() {}

  /**
   * Prints the table.
   *
   * @param arguments optionally the command that forecasts with other methods, and a folder of
   *     series to forecast instead of generated ones
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length > 0) {
      int last = arguments.length - 1;
      ForecastFolderTable.print(
          Path.of(arguments[last]), Arrays.asList(arguments).subList(0, last));
      System.out.println();
      SimulationTable.print(Path.of(arguments[last]));
      return;
    }
    System.out.printf(
        "%d seeds from %d, %d days of history, %d forecasts per seed; mean absolute error in"
            + " hundredths%n%n",
        SEEDS, FIRST_SEED, HISTORY, FORECASTS);
    System.out.println(
        "| load | horizon | last value | same time yesterday | ScalingPredictor |"
            + " against the better one | inside the 80 % interval |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (Load load : Load.values()) {
      for (int horizon : HORIZONS) {
        Errors sum =
            IntStream.range(0, SEEDS * FORECASTS)
                .parallel()
                .mapToObj(i -> trial(load, FIRST_SEED + i / FORECASTS, i % FORECASTS, horizon))
                .reduce(new Errors(0, 0, 0, 0), Errors::plus);
        double count = SEEDS * FORECASTS;
        System.out.printf(
            Locale.ROOT,
            "| %s | %d s | %.2f | %.2f | %.2f | %.2f | %.0f %% |%n",
            load.name().toLowerCase(Locale.ROOT),
            horizon,
            100 * sum.last() / count,
            100 * sum.yesterday() / count,
            100 * sum.predictor() / count,
            sum.predictor() / Math.min(sum.last(), sum.yesterday()),
            100 * sum.inside() / count);
      }
    }
  }

  private static Errors trial(Load load, long seed, int forecast, int horizon) {
    int steps = horizon / Load.STEP;
    int length = HISTORY * Load.DAY + forecast * Load.DAY / FORECASTS;
    double[] values = load.series(seed, length + steps);
    double truth = values[length - 1 + steps];
    StringBuilder body = new StringBuilder("{\"horizon_s\":" + horizon + ",\"history\":[");
    for (int i = 0; i < length; i++) {
      body.append(i == 0 ? "" : ",")
          .append(
              "{\"timestamp\":%d,\"cpu_avg\":%s}"
                  .formatted(1_700_000_000L + (long) i * Load.STEP, values[i]));
    }
    Map<?, ?> reply = (Map<?, ?>) new ScalingPredictor().call(body.append("]}").toString()).body();
    Map<?, ?> cpu = (Map<?, ?>) ((Map<?, ?>) reply.get("forecast")).get("cpu_avg");
    boolean inside = (Double) cpu.get("low") <= truth && truth <= (Double) cpu.get("high");
    return new Errors(
        Math.abs((Double) cpu.get("value") - truth),
        Math.abs(values[length - 1] - truth),
        Math.abs(values[length - 1 + steps - Load.DAY] - truth),
        inside ? 1 : 0);
  }
}
