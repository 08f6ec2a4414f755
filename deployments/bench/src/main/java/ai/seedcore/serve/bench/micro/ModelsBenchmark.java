package ai.seedcore.serve.bench.micro;

import ai.seedcore.serve.anomaly.AnomalyDetector;
import ai.seedcore.serve.salience.SalienceScorer;
import ai.seedcore.serve.scaling.ScalingPredictor;
import java.util.Collections;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Measures one request of each deployment, from the request body to the reply map. To measure an
 * ONNX model, pass {@code -jvmArgs -Dmodel=salience.onnx}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class ModelsBenchmark {

  /** The number of entries in a request. */
  @Param({"1", "100", "10000"})
  public int entries;

  private SalienceScorer scorer;
  private AnomalyDetector detector;
  private ScalingPredictor predictor;
  private String events;
  private String points;
  private String history;

  /** Creates the deployments and the request bodies. */
  @Setup
  public void setUp() {
    String model = System.getProperty("model");
    scorer =
        model == null ? new SalienceScorer() : new SalienceScorer("{\"model\":\"" + model + "\"}");
    detector = new AnomalyDetector();
    predictor = new ScalingPredictor();
    events =
        "{\"features\":["
            + String.join(
                ",",
                Collections.nCopies(
                    entries,
                    "{\"task_risk\":0.9,\"failure_severity\":0.8,\"system_load\":0.3,"
                        + "\"cpu_usage\":0.6,\"user_impact\":0.9}"))
            + "]}";
    Random random = new Random(1);
    points =
        IntStream.range(0, entries)
            .mapToObj(i -> Double.toString(Math.sin(i / 15.0) + 0.1 * random.nextGaussian()))
            .collect(Collectors.joining(",", "{\"data\":[", "]}"));
    history =
        IntStream.range(0, entries)
            .mapToObj(
                i ->
                    "{\"timestamp\":%d,\"cpu_avg\":%s}"
                        .formatted(300L * i, 0.5 + 0.3 * Math.sin(i / 45.0)))
            .collect(Collectors.joining(",", "{\"history\":[", "]}"));
  }

  /** Scores events with the formula or the ONNX model. */
  @Benchmark
  public Object salience() {
    return scorer.call(events);
  }

  /** Scores the points of a series. */
  @Benchmark
  public Object anomaly() {
    return detector.call(points);
  }

  /** Forecasts one metric. */
  @Benchmark
  public Object forecast() {
    return predictor.call(history);
  }
}
