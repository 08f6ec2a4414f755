package ai.seedcore.serve.bench.scaling;

import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.SeriesFile;
import ai.seedcore.serve.scaling.ScalingPredictor;
import ai.seedcore.serve.series.Robust;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Prints how accurate forecasts of the series of a folder are: the mean absolute error, divided by
 * that of the best of three naive forecasts of the same series (last value, same time yesterday,
 * same time last week).
 */
final class ForecastFolderTable {

  private static final int[] HORIZONS = {300, 3_600, 86_400};
  private static final int DAY = 86_400;

  /** The number of forecasts per series and horizon, evenly over its last two fifths. */
  private static final int FORECASTS = 40;

  private static final double FIRST = 0.6;

  /** The maximum number of points that a request contains. */
  private static final int HISTORY = 20_000;

  /** The maximum number of values that the rivals fit, and the longest season. */
  private static final int RIVALS_HISTORY = 2_048;

  private static final int RIVALS_SEASON = 24;

  /** The forecast of one value, whose errors are compared. */
  private record Trial(LabelledSeries series, int at, int steps, int day) {
    double truth() {
      return series.complete()[at + steps];
    }

    double last() {
      return series.complete()[at];
    }

    double earlier(int period) {
      int cycles = (steps + period - 1) / period;
      return series.complete()[Math.max(0, at + steps - cycles * period)];
    }
  }

  /** A method and its forecasts, one per trial. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Method(String name, double[] forecasts) {}

  private ForecastFolderTable() {}

  /**
   * Prints the table.
   *
   * @param rivals the command that forecasts with Holt-Winters and AutoETS; see rivals.py
   */
  static void print(Path folder, List<String> rivals) throws IOException, InterruptedException {
    List<LabelledSeries> all = SeriesFile.folder(folder);
    System.out.println(
        "| horizon | method | mean over the series | median | worst | inside the 80 % interval |");
    System.out.println("|---|---|---|---|---|---|");
    for (int horizon : HORIZONS) {
      List<Trial> trials = all.stream().flatMap(s -> trials(s, horizon).stream()).toList();
      double[] inside = new double[trials.size()];
      double[] ours = new double[trials.size()];
      IntStream.range(0, ours.length)
          .parallel()
          .forEach(
              i -> {
                Map<?, ?> forecast = forecast(trials.get(i), horizon);
                double truth = trials.get(i).truth();
                ours[i] = (Double) forecast.get("value");
                inside[i] =
                    (Double) forecast.get("low") <= truth && truth <= (Double) forecast.get("high")
                        ? 1
                        : 0;
              });
      List<Method> methods = new ArrayList<>();
      methods.add(method("last value", trials, Trial::last));
      methods.add(method("same time yesterday", trials, trial -> trial.earlier(trial.day())));
      methods.add(method("same time last week", trials, trial -> trial.earlier(7 * trial.day())));
      List<Method> naive = List.copyOf(methods);
      methods.addAll(rivals(rivals, trials));
      methods.add(new Method("ScalingPredictor", ours));
      for (Method method : methods) {
        String coverage =
            method.forecasts() == ours
                ? "%.0f %%".formatted(100 * Arrays.stream(inside).average().orElse(0))
                : "";
        System.out.println(row(horizon, method, trials, all, naive) + coverage + " |");
      }
    }
  }

  private static List<Trial> trials(LabelledSeries series, int horizon) {
    double step = series.step();
    int steps = (int) Math.round(horizon / step);
    int day = (int) Math.round(DAY / step);
    List<Trial> trials = new ArrayList<>();
    int from = (int) (FIRST * series.size());
    int room = series.size() - day - from;
    for (int i = 0; i < FORECASTS && steps > 0; i++) {
      trials.add(new Trial(series, from + (int) ((long) i * room / FORECASTS), steps, day));
    }
    return trials;
  }

  private static Method method(String name, List<Trial> trials, ToDoubleFunction<Trial> forecast) {
    return new Method(name, trials.stream().mapToDouble(forecast).toArray());
  }

  private static Map<?, ?> forecast(Trial trial, int horizon) {
    StringBuilder body = new StringBuilder("{\"horizon_s\":" + horizon + ",\"history\":[");
    int from = Math.max(0, trial.at() + 1 - HISTORY);
    for (int i = from; i <= trial.at(); i++) {
      double value = trial.series().values()[i][0];
      body.append(i == from ? "" : ",")
          .append(
              "{\"timestamp\":%s,\"load\":%s}"
                  .formatted(trial.series().times()[i], Double.isNaN(value) ? "null" : value));
    }
    Map<?, ?> reply = (Map<?, ?>) new ScalingPredictor().call(body.append("]}").toString()).body();
    if (!"success".equals(reply.get("status"))) {
      throw new IllegalStateException(reply.toString());
    }
    return (Map<?, ?>) ((Map<?, ?>) reply.get("forecast")).get("load");
  }

  /**
   * Returns the forecasts of the rivals. They cannot fit a season of 1,440 minutes: they get means
   * of an hour for a horizon of a day, and no season for shorter ones.
   */
  private static List<Method> rivals(List<String> command, List<Trial> trials)
      throws IOException, InterruptedException {
    if (command.isEmpty()) {
      return List.of();
    }
    Path input = Files.createTempFile("histories", null);
    Path output = Files.createTempFile("forecasts", null);
    try {
      Files.write(input, trials.stream().map(ForecastFolderTable::history).toList());
      int code =
          new ProcessBuilder(command)
              .redirectInput(input.toFile())
              .redirectOutput(output.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start()
              .waitFor();
      List<String> lines = Files.readAllLines(output, StandardCharsets.UTF_8);
      if (code != 0 || lines.size() != trials.size()) {
        throw new IllegalStateException("the rivals ended with " + code);
      }
      double[] holtWinters = new double[lines.size()];
      double[] autoEts = new double[lines.size()];
      for (int i = 0; i < lines.size(); i++) {
        String[] forecasts = lines.get(i).replace("nan", "NaN").split(" ", -1);
        // A model that cannot fit a history falls back to the last value.
        holtWinters[i] = orLast(Double.parseDouble(forecasts[0]), trials.get(i));
        autoEts[i] = orLast(Double.parseDouble(forecasts[1]), trials.get(i));
      }
      return List.of(new Method("Holt-Winters", holtWinters), new Method("AutoETS", autoEts));
    } finally {
      Files.delete(input);
      Files.delete(output);
    }
  }

  private static double orLast(double forecast, Trial trial) {
    return Double.isFinite(forecast) ? forecast : trial.last();
  }

  private static String history(Trial trial) {
    int hour = trial.steps() >= trial.day() ? Math.max(1, trial.day() / RIVALS_SEASON) : 1;
    int size = Math.min(RIVALS_HISTORY, (trial.at() + 1) / hour);
    double[] values = trial.series().complete();
    int season = trial.day() / hour;
    StringBuilder line = new StringBuilder();
    line.append(season <= RIVALS_SEASON ? season : 1).append(' ').append(trial.steps() / hour);
    for (int i = size - 1; i >= 0; i--) {
      int end = trial.at() + 1 - i * hour;
      line.append(' ').append(Arrays.stream(values, end - hour, end).average().orElse(0));
    }
    return line.toString();
  }

  private static String row(
      int horizon,
      Method method,
      List<Trial> trials,
      List<LabelledSeries> all,
      List<Method> naive) {
    List<Double> ratios = new ArrayList<>();
    String worst = "";
    double most = -1;
    for (LabelledSeries series : all) {
      double error = error(method, trials, series);
      double best =
          naive.stream().mapToDouble(other -> error(other, trials, series)).min().orElse(0);
      if (Double.isNaN(error)) {
        continue;
      }
      double ratio = best == 0 ? 1 + error : error / best;
      ratios.add(ratio);
      if (ratio > most) {
        most = ratio;
        worst = series.name();
      }
    }
    double[] sorted = ratios.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return String.format(
        Locale.ROOT,
        "| %d s, %d series | %s | %.2f | %.2f | %.2f (%s) | ",
        horizon,
        sorted.length,
        method.name(),
        Arrays.stream(sorted).average().orElse(0),
        Robust.median(sorted),
        most,
        worst);
  }

  /** Returns the mean absolute error on a series; NaN without a trial. */
  private static double error(Method method, List<Trial> trials, LabelledSeries series) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < trials.size(); i++) {
      if (trials.get(i).series().name().equals(series.name())) {
        sum += Math.abs(method.forecasts()[i] - trials.get(i).truth());
        count++;
      }
    }
    return sum / count;
  }
}
