package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.anomaly.AnomalyDetector;
import ai.seedcore.serve.bench.series.LabelledSeries;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Calls AnomalyDetector as a client does, with one request per series. */
final class DetectorRule implements Rule {

  static final String NAME = "AnomalyDetector";

  private final AnomalyDetector detector = new AnomalyDetector();

  @Override
  public Verdicts judge(LabelledSeries series) {
    StringBuilder body = new StringBuilder("{\"data\":[");
    for (int i = 0; i < series.size(); i++) {
      body.append(i == 0 ? "" : ",").append(point(series.times()[i], series.values()[i]));
    }
    Map<?, ?> reply = (Map<?, ?>) detector.call(body.append("]}").toString()).body();
    if (!"success".equals(reply.get("status"))) {
      throw new IllegalStateException(reply.toString());
    }
    double[] scores =
        ((List<?>) reply.get("scores")).stream().mapToDouble(score -> (Double) score).toArray();
    boolean[] alarms = new boolean[series.size()];
    for (Object anomaly : (List<?>) reply.get("anomalies")) {
      alarms[(Integer) ((Map<?, ?>) anomaly).get("index")] = true;
    }
    return new Verdicts(scores, alarms);
  }

  private static String point(double time, double[] row) {
    return IntStream.range(0, row.length)
        .mapToObj(
            metric ->
                ",\"m%d\":%s".formatted(metric, Double.isNaN(row[metric]) ? "null" : row[metric]))
        .collect(Collectors.joining("", "{\"timestamp\":" + time, "}"));
  }
}
