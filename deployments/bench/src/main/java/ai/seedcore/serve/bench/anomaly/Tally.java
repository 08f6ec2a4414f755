package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.anomaly.Rule.Verdicts;
import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.LabelledSeries.Event;
import java.util.stream.IntStream;

/**
 * The accuracy of a rule on several series.
 *
 * <p>Alarms at most {@link #SLACK} points apart count as one alarm. An alarm is true if it overlaps
 * an anomaly or the {@link #SLACK} points after it, in which the series returns to normal. An
 * anomaly is detected if an alarm overlaps it or the point after it.
 */
final class Tally {

  private static final int SLACK = 3;

  private int events;
  private int detected;
  private int trueAlarms;
  private int falseAlarms;
  private int normalPoints;
  private double averagePrecision;
  private int ranked;

  /** Adds the results for one series. */
  void add(LabelledSeries series, Verdicts verdicts) {
    boolean[] near = new boolean[series.size()];
    for (Event event : series.events()) {
      boolean hit = false;
      for (int i = event.first(); i <= Math.min(series.size() - 1, event.last() + SLACK); i++) {
        near[i] = true;
        hit |= i <= event.last() + 1 && verdicts.alarms()[i];
      }
      events++;
      detected += hit ? 1 : 0;
    }
    boolean[] alarms = verdicts.alarms();
    for (int i = 0; i < alarms.length; i++) {
      normalPoints += near[i] ? 0 : 1;
      if (!alarms[i]) {
        continue;
      }
      boolean correct = false;
      int last = i;
      for (int j = i; j < alarms.length && j <= last + SLACK; j++) {
        if (alarms[j]) {
          last = j;
          correct |= near[j];
        }
      }
      if (correct) {
        trueAlarms++;
      } else {
        falseAlarms++;
      }
      i = last;
    }
    if (!series.events().isEmpty()) {
      averagePrecision += averagePrecision(series.labels(), verdicts.scores());
      ranked++;
    }
  }

  /** Returns the area under the precision-recall curve of the points ranked by score. */
  private static double averagePrecision(boolean[] labels, double[] scores) {
    int[] order =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted((a, b) -> Double.compare(scores[b], scores[a]))
            .mapToInt(Integer::intValue)
            .toArray();
    double sum = 0;
    int hits = 0;
    for (int rank = 0; rank < order.length; rank++) {
      if (labels[order[rank]]) {
        hits++;
        sum += (double) hits / (rank + 1);
      }
    }
    return hits == 0 ? 0 : sum / hits;
  }

  double precision() {
    int all = trueAlarms + falseAlarms;
    return all == 0 ? 1 : (double) trueAlarms / all;
  }

  double recall() {
    return events == 0 ? 1 : (double) detected / events;
  }

  double f1() {
    double sum = precision() + recall();
    return sum == 0 ? 0 : 2 * precision() * recall() / sum;
  }

  /** Returns the number of false alarms per 1,000 normal points. */
  double falseAlarms() {
    return 1_000.0 * falseAlarms / Math.max(1, normalPoints);
  }

  /** Returns the mean of the series' average precisions; NaN without anomalies. */
  double averagePrecision() {
    return ranked == 0 ? Double.NaN : averagePrecision / ranked;
  }
}
