package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.anomaly.LabelledSeries.Event;
import ai.seedcore.serve.bench.anomaly.Rule.Verdicts;
import java.util.stream.IntStream;

/**
 * How right a rule was, over many series.
 *
 * <p>Alarms no more than {@link #SLACK} points apart are one alarm. An alarm is true if it touches
 * a marked stretch, or the {@link #SLACK} points after it, in which what was there before comes
 * back. A stretch is found if an alarm touches it.
 */
final class Tally {

  private static final int SLACK = 3;

  private int events;
  private int found;
  private int trueAlarms;
  private int falseAlarms;
  private int normalPoints;
  private double averagePrecision;
  private int ranked;

  void add(LabelledSeries series, Verdicts verdicts) {
    boolean[] near = new boolean[series.size()];
    for (Event event : series.events()) {
      boolean hit = false;
      for (int i = event.first(); i <= Math.min(series.size() - 1, event.last() + SLACK); i++) {
        near[i] = true;
        hit |= i <= event.last() + 1 && verdicts.alarms()[i];
      }
      events++;
      found += hit ? 1 : 0;
    }
    boolean[] alarms = verdicts.alarms();
    for (int i = 0; i < alarms.length; i++) {
      normalPoints += near[i] ? 0 : 1;
      if (!alarms[i]) {
        continue;
      }
      boolean right = false;
      int last = i;
      for (int j = i; j < alarms.length && j <= last + SLACK; j++) {
        if (alarms[j]) {
          last = j;
          right |= near[j];
        }
      }
      if (right) {
        trueAlarms++;
      } else {
        falseAlarms++;
      }
      i = last;
    }
    if (!series.events().isEmpty()) {
      averagePrecision += averagePrecision(series.marks(), verdicts.scores());
      ranked++;
    }
  }

  /** The area under the curve of precision over recall, of the points ranked by their scores. */
  private static double averagePrecision(boolean[] marks, double[] scores) {
    int[] order =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted((a, b) -> Double.compare(scores[b], scores[a]))
            .mapToInt(Integer::intValue)
            .toArray();
    double sum = 0;
    int hits = 0;
    for (int rank = 0; rank < order.length; rank++) {
      if (marks[order[rank]]) {
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
    return events == 0 ? 1 : (double) found / events;
  }

  double f1() {
    double sum = precision() + recall();
    return sum == 0 ? 0 : 2 * precision() * recall() / sum;
  }

  /** False alarms in a thousand normal points. */
  double falseAlarms() {
    return 1_000.0 * falseAlarms / Math.max(1, normalPoints);
  }

  double averagePrecision() {
    return ranked == 0 ? Double.NaN : averagePrecision / ranked;
  }
}
