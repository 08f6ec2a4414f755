package ai.seedcore.serve.bench.scaling;

import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.SeriesFile;
import ai.seedcore.serve.scaling.ScalingPredictor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Simulates a service whose load is a series of a folder, scaled by ScalingPredictor's
 * recommendations, and by the rule of the Kubernetes HorizontalPodAutoscaler: the current number of
 * replicas times their use over its target, within a tolerance of 0.1. Both get the most replicas
 * of the recommendations of the last five minutes, as by default in Kubernetes. A new replica
 * serves after five minutes, or one step of an hourly series.
 */
final class SimulationTable {

  private static final int DELAY_S = 300;
  private static final int STABILIZATION_S = 300;
  private static final double TARGET = 0.6;
  private static final double TOLERANCE = 0.1;

  /** The number of replicas that the 99th percentile of a load uses in full. */
  private static final double SIZE = 20;

  private static final double PEAK = 0.99;

  /** The simulation covers the end of a series from this share on. */
  private static final double FROM = 0.7;

  private static final int HISTORY = 1_440;

  /** A rule that recommends a number of replicas. */
  private interface Autoscaler {
    int replicas(double[] times, double[] served, int at, int current);
  }

  /** The share of the time with more load than replicas, and the mean number of replicas. */
  private record Result(double overload, double replicas) {}

  private SimulationTable() {}

  static void print(Path folder) throws IOException {
    List<LabelledSeries> all = SeriesFile.folder(folder);
    System.out.println(
        "| autoscaler | overloaded, all series | replicas | by the minute | replicas | by the hour"
            + " | replicas |");
    System.out.println("|---|---|---|---|---|---|---|");
    print("Kubernetes rule, target 0.6", all, SimulationTable::kubernetes);
    for (double target : new double[] {0.59, 0.6}) {
      ScalingPredictor predictor =
          new ScalingPredictor(
              """
              {"policy": {"cpu_avg": {"over": %1$s, "under": %1$s}, "up_above": 1, "down_below": 1,
                          "confidence": 0, "target": %1$s, "tolerance": 0.05}}"""
                  .formatted(target));
      print(
          "ScalingPredictor, target " + target,
          all,
          (times, served, at, current) -> predicted(predictor, times, served, at, current));
    }
    ScalingPredictor unchanged = new ScalingPredictor();
    print(
        "ScalingPredictor, default policy",
        all,
        (times, served, at, current) -> predicted(unchanged, times, served, at, current));
  }

  private static void print(String name, List<LabelledSeries> all, Autoscaler autoscaler) {
    List<Result> results =
        all.parallelStream().map(series -> simulate(series, autoscaler)).toList();
    StringBuilder row = new StringBuilder("| " + name);
    for (IntPredicate group :
        List.<IntPredicate>of(
            i -> true, i -> all.get(i).step() <= DELAY_S, i -> all.get(i).step() > DELAY_S)) {
      List<Result> some =
          IntStream.range(0, all.size()).filter(group).mapToObj(results::get).toList();
      row.append(
          String.format(
              Locale.ROOT,
              " | %.2f %% | %.2f",
              100 * some.stream().mapToDouble(Result::overload).average().orElse(0),
              some.stream().mapToDouble(Result::replicas).average().orElse(0)));
    }
    System.out.println(row + " |");
  }

  private static Result simulate(LabelledSeries series, Autoscaler autoscaler) {
    double[] load = series.complete();
    double[] sorted = load.clone();
    Arrays.sort(sorted);
    double unit = Math.max(sorted[(int) (PEAK * (sorted.length - 1))], Double.MIN_NORMAL) / SIZE;
    double[] times = series.times();
    double[] served = new double[load.length];
    int steps = (int) Math.max(1, Math.round(DELAY_S / series.step()));
    int from = (int) (FROM * load.length);
    int[] raw = new int[load.length];
    int[] recommended = new int[load.length];
    int[] replicas = new int[load.length];
    double overloaded = 0;
    double sum = 0;
    for (int i = 0; i < load.length; i++) {
      double demand = Math.max(0, load[i] / unit);
      replicas[i] =
          i < Math.max(steps, from) ? (int) Math.ceil(demand / TARGET) + 1 : recommended[i - steps];
      replicas[i] = Math.max(1, replicas[i]);
      // What is not served is not measured.
      served[i] = Math.min(demand, replicas[i]);
      if (i >= from - steps) {
        raw[i] = autoscaler.replicas(times, served, i, replicas[i]);
        recommended[i] = 1;
        for (int j = i; j >= from - steps && times[i] - times[j] < STABILIZATION_S; j--) {
          recommended[i] = Math.max(recommended[i], raw[j]);
        }
      }
      if (i >= from) {
        overloaded += demand > replicas[i] ? 1 : 0;
        sum += replicas[i];
      }
    }
    return new Result(overloaded / (load.length - from), sum / (load.length - from));
  }

  private static int kubernetes(double[] times, double[] served, int at, int current) {
    double ratio = served[at] / current / TARGET;
    return Math.abs(ratio - 1) <= TOLERANCE ? current : (int) Math.ceil(current * ratio);
  }

  private static int predicted(
      ScalingPredictor predictor, double[] times, double[] served, int at, int current) {
    StringBuilder body =
        new StringBuilder(
            "{\"horizon_s\":%s,\"current_replicas\":%d,\"history\":["
                .formatted(Math.max(DELAY_S, times[at] - times[at - 1]), current));
    int from = Math.max(0, at + 1 - HISTORY);
    for (int i = from; i <= at; i++) {
      body.append(i == from ? "" : ",")
          .append("{\"timestamp\":")
          .append(times[i])
          .append(",\"cpu_avg\":")
          .append(Math.min(1, served[i] / current))
          .append('}');
    }
    Map<?, ?> reply = (Map<?, ?>) predictor.call(body.append("]}").toString()).body();
    if (!"success".equals(reply.get("status"))) {
      throw new IllegalStateException(reply.toString());
    }
    return (Integer) reply.get("recommended_replicas");
  }
}
