package ai.seedcore.serve.door;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How often something took how long.
 *
 * @param counts how many times, by the bucket in which the duration was; the last has no upper
 *     bound
 * @param seconds the sum of the durations
 * @param exemplars for each bucket, one traced request; null if there was none
 */
public record Histogram(List<Long> counts, double seconds, List<@Nullable Exemplar> exemplars) {

  /** The upper bounds of the buckets but the last, in seconds. */
  public static final List<Double> BOUNDS =
      List.of(
          0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
          30.0, 60.0);

  /**
   * A request that was traced.
   *
   * @param trace the id of its trace, and
   * @param span the id of its span, both in hexadecimal
   * @param seconds how long it took
   * @param at when it ended, as Unix time in milliseconds
   */
  public record Exemplar(String trace, String span, double seconds, long at) {}

  /** Returns how many durations there were. */
  public long times() {
    return counts.stream().mapToLong(Long::longValue).sum();
  }

  /** Collects durations. Used on one thread only. */
  public static final class Recorder {
    private static final long[] NANOS =
        BOUNDS.stream().mapToLong(bound -> Math.round(bound * 1e9)).toArray();

    private final long[] counts = new long[NANOS.length + 1];
    private final @Nullable Exemplar[] exemplars = new Exemplar[NANOS.length + 1];
    private long nanos;

    /** Records a duration. */
    public void record(long duration) {
      counts[bucket(duration)]++;
      nanos += duration;
    }

    /** Remembers a traced request, whose duration has been recorded, for its bucket. */
    public void remember(String trace, String span, long duration) {
      exemplars[bucket(duration)] =
          new Exemplar(trace, span, duration / 1e9, System.currentTimeMillis());
    }

    private static int bucket(long duration) {
      int bucket = 0;
      while (bucket < NANOS.length && duration > NANOS[bucket]) {
        bucket++;
      }
      return bucket;
    }

    /** Returns what was recorded so far. */
    public Histogram soFar() {
      List<Long> all = new ArrayList<>(counts.length);
      List<@Nullable Exemplar> traced = new ArrayList<>(counts.length);
      for (int i = 0; i < counts.length; i++) {
        all.add(counts[i]);
        traced.add(exemplars[i]);
      }
      return new Histogram(all, nanos / 1e9, traced);
    }
  }
}
