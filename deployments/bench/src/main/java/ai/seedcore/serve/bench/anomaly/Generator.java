package ai.seedcore.serve.bench.anomaly;

import ai.seedcore.serve.bench.series.LabelledSeries;
import ai.seedcore.serve.bench.series.LabelledSeries.Event;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Generates series that resemble operational metrics, with labelled anomalies. A series depends
 * only on the constructor's arguments and the kind.
 */
final class Generator {

  /** The kinds of series. */
  enum Kind {
    /** Noise around a constant level. */
    FLAT,
    /** A daily season with harmonics. */
    SEASON,
    /** A daily season whose amplitude and level drift. */
    DRIFTING_SEASON,
    /** A daily season on working days; low values on weekends are normal. */
    WEEK,
    /** A slow random walk. */
    DRIFT,
    /** A skewed, heavy-tailed distribution, like latencies. */
    SKEWED,
    /** Small event counts, mostly zero. */
    COUNTS,
    /** Idle with a periodic job. */
    CRON,
    /** Permanent level shifts. The shift is labelled, the new level is not. */
    SHIFTS,
    /** A gauge with few distinct values, or a constant one. */
    STEPPED,
    /** Noise whose deviation has a daily season. */
    BREATHING,
    /** Three correlated metrics. */
    TOGETHER,
  }

  private final Random random;
  private final double noise;
  private final int size;
  private final boolean quiet;

  /**
   * Creates a generator.
   *
   * @param seed the seed of the random generator
   * @param noise the factor on the default deviation of the noise
   * @param size the number of points before some are dropped
   * @param quiet whether the series has no anomalies
   */
  Generator(long seed, double noise, int size, boolean quiet) {
    this.random = new Random(seed * 0x9E3779B97F4A7C15L + 1);
    this.noise = noise;
    this.size = size;
    this.quiet = quiet;
  }

  /** Generates one series. */
  LabelledSeries make(Kind kind) {
    return switch (kind) {
      case FLAT -> withAnomalies(kind, level(), noise * uniform(0.5, 2));
      case SEASON -> {
        double amplitude = uniform(5, 20);
        yield withAnomalies(
            kind, plus(season(period(), amplitude), level()), noise * 0.06 * amplitude);
      }
      case DRIFTING_SEASON -> {
        double amplitude = uniform(5, 20);
        double[] curve = season(period(), amplitude);
        double turns = uniform(0.5, 2);
        double slope = uniform(-1, 1) * amplitude;
        for (int i = 0; i < size; i++) {
          double progress = (double) i / size;
          curve[i] =
              curve[i] * (1 + 0.4 * Math.sin(turns * 2 * Math.PI * progress)) + slope * progress;
        }
        yield withAnomalies(kind, plus(curve, level()), noise * 0.06 * amplitude);
      }
      case WEEK -> {
        double amplitude = uniform(5, 20);
        int day = 96;
        double[] curve = season(day, amplitude);
        int phase = random.nextInt(7);
        double weekend = 0;
        for (int i = 0; i < size; i++) {
          // The transition between working days and weekends takes three hours.
          double goal = (i / day + phase) % 7 >= 5 ? 1 : 0;
          weekend += Math.max(-1.0 / 12, Math.min(1.0 / 12, goal - weekend));
          curve[i] -= weekend * (0.6 * amplitude + 0.75 * curve[i]);
        }
        yield withAnomalies(kind, plus(curve, level()), noise * 0.06 * amplitude);
      }
      case DRIFT -> {
        double[] walk = new double[size];
        double step = 0;
        double at = uniform(20, 80);
        for (int i = 0; i < size; i++) {
          step = 0.98 * step + 0.01 * random.nextGaussian();
          at += step;
          walk[i] = at;
        }
        yield withAnomalies(kind, walk, 0.4 * noise);
      }
      case SKEWED -> skewed(kind);
      case COUNTS -> counts(kind);
      case CRON -> cron(kind);
      case SHIFTS -> shifts(kind);
      case STEPPED -> stepped(kind);
      case BREATHING -> breathing(kind);
      case TOGETHER -> together(kind);
    };
  }

  private double[] level() {
    double[] level = new double[size];
    Arrays.fill(level, uniform(10, 100));
    return level;
  }

  private static double[] plus(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] + b[i]).toArray();
  }

  private int period() {
    return new int[] {48, 96, 144, 288}[random.nextInt(4)];
  }

  /** Returns a periodic curve: a sine with two harmonics, sometimes flattened to a plateau. */
  private double[] season(int period, double amplitude) {
    double[] phases = {uniform(0, 6.3), uniform(0, 6.3), uniform(0, 6.3)};
    double second = uniform(0, 0.5);
    double third = uniform(0, 0.3);
    boolean plateau = random.nextInt(3) == 0;
    double[] curve = new double[size];
    for (int i = 0; i < size; i++) {
      double angle = 2 * Math.PI * i / period;
      double value =
          Math.sin(angle + phases[0])
              + second * Math.sin(2 * angle + phases[1])
              + third * Math.sin(3 * angle + phases[2]);
      curve[i] = amplitude * (plateau ? Math.tanh(2 * value) : value);
    }
    return curve;
  }

  /**
   * Adds autocorrelated noise and anomalies to a curve.
   *
   * @param sigma the deviation of the noise, and the unit of the anomalies' size
   */
  private LabelledSeries withAnomalies(Kind kind, double[] curve, double sigma) {
    double[] values = new double[size];
    double[] error = new double[size];
    for (int i = 0; i < size; i++) {
      error[i] = 0.3 * (i == 0 ? 0 : error[i - 1]) + 0.95 * sigma * random.nextGaussian();
      values[i] = curve[i] + error[i];
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      events.add(disturb(values, sigma, place.first()));
    }
    return series(kind, values, events);
  }

  /** Adds a random anomaly at an index. */
  private Event disturb(double[] values, double sigma, int at) {
    double size = uniform(7, 14) * sigma * sign();
    switch (random.nextInt(6)) {
      case 0, 1 -> { // A spike of one point.
        values[at] += size;
        return new Event(at, at);
      }
      case 2 -> { // A spike of a few points, like a burst of requests.
        int length = 2 + random.nextInt(5);
        for (int i = 0; i < length; i++) {
          values[at + i] += size * (1 - 0.1 * i);
        }
        return new Event(at, at + length - 1);
      }
      case 3 -> { // A temporary level shift.
        int length = 15 + random.nextInt(25);
        for (int i = 0; i < length; i++) {
          values[at + i] += 0.8 * size;
        }
        return new Event(at, at + length - 1);
      }
      case 4 -> { // A burst of noise.
        int length = 10 + random.nextInt(15);
        for (int i = 0; i < length; i++) {
          values[at + i] += uniform(5, 10) * sigma * random.nextGaussian();
        }
        return new Event(at, at + length - 1);
      }
      default -> { // A ramp that ends abruptly, like a leak and a restart.
        int length = 10 + random.nextInt(15);
        for (int i = 0; i < length; i++) {
          values[at + i] += 1.3 * size * (i + 1) / length;
        }
        // The first third is too small to be labelled.
        return new Event(at + length / 3, at + length - 1);
      }
    }
  }

  private LabelledSeries skewed(Kind kind) {
    double base = uniform(0.05, 2);
    double shape = 0.25 + 0.15 * noise;
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] = base * Math.exp(shape * random.nextGaussian());
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int at = place.first();
      int length = random.nextBoolean() ? 1 : 2 + random.nextInt(20);
      double factor = Math.exp(shape * uniform(6, 9));
      for (int i = at; i < at + length; i++) {
        values[i] *= length == 1 ? factor : Math.sqrt(factor) * uniform(0.9, 1.5);
      }
      events.add(new Event(at, at + length - 1));
    }
    return series(kind, values, events);
  }

  private LabelledSeries counts(Kind kind) {
    double rate = uniform(0.3, 6) / Math.max(0.5, noise);
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] = poisson(rate);
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int at = place.first();
      int length = 1 + random.nextInt(6);
      for (int i = at; i < at + length; i++) {
        values[i] = poisson(rate + uniform(7, 14) * Math.sqrt(rate + 1));
      }
      events.add(new Event(at, at + length - 1));
    }
    return series(kind, values, events);
  }

  /** Generates a periodic job. An anomaly is a run at the wrong time or with a higher peak. */
  private LabelledSeries cron(Kind kind) {
    int every = 20 + random.nextInt(60);
    int length = 1 + random.nextInt(4);
    double idle = uniform(1, 10);
    double busy = idle + uniform(20, 60);
    double sigma = noise * uniform(0.5, 1);
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] = (i % every < length ? busy : idle) + sigma * random.nextGaussian();
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int at = place.first() / every * every + every / 2;
      int last = at + length - 1;
      double height = random.nextBoolean() ? busy : idle + (busy - idle) * uniform(1.5, 3);
      for (int i = at; i <= last; i++) {
        values[i] = height + sigma * random.nextGaussian();
      }
      events.add(new Event(at, last));
    }
    return series(kind, values, events);
  }

  private LabelledSeries shifts(Kind kind) {
    double sigma = noise * uniform(0.5, 1.5);
    double at = uniform(20, 80);
    List<Event> places = places();
    List<Event> events = new ArrayList<>();
    double[] values = new double[size];
    int next = 0;
    for (int i = 0; i < size; i++) {
      if (next < places.size() && places.get(next).first() == i) {
        at += uniform(7, 14) * sigma * sign();
        // The label covers the change and a few points of the new level.
        events.add(new Event(i, Math.min(size - 1, i + 5)));
        next++;
      }
      values[i] = at + sigma * random.nextGaussian();
    }
    return series(kind, values, events);
  }

  private LabelledSeries stepped(Kind kind) {
    double rest = Math.rint(uniform(1, 50));
    double[] values = new double[size];
    double change = noise < 0.7 ? 0 : 0.02 * noise;
    double at = rest;
    for (int i = 0; i < size; i++) {
      if (random.nextDouble() < change) {
        at = rest + random.nextInt(3) - 1;
      }
      values[i] = at;
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int length = 1 + random.nextInt(8);
      double jump = sign() * Math.rint(uniform(6, 20));
      for (int i = place.first(); i < place.first() + length; i++) {
        values[i] += jump;
      }
      events.add(new Event(place.first(), place.first() + length - 1));
    }
    return series(kind, values, events);
  }

  private LabelledSeries breathing(Kind kind) {
    int period = period();
    double level = uniform(20, 80);
    double[] values = new double[size];
    double[] sigma = new double[size];
    double phase = uniform(0, 6.3);
    for (int i = 0; i < size; i++) {
      sigma[i] = noise * (1 + 0.7 * Math.sin(2 * Math.PI * i / period + phase));
      values[i] = level + sigma[i] * random.nextGaussian();
    }
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int length = 1 + random.nextInt(3);
      double size = uniform(7, 14) * sign();
      for (int i = place.first(); i < place.first() + length; i++) {
        values[i] += size * Math.max(noise, sigma[i]);
      }
      events.add(new Event(place.first(), place.first() + length - 1));
    }
    return series(kind, values, events);
  }

  /** Generates three correlated metrics. An anomaly is a metric that deviates from the others. */
  private LabelledSeries together(Kind kind) {
    double[] load = season(period(), 1);
    double[][] values = new double[size][3];
    double sigma = 0.08 * noise;
    for (int i = 0; i < size; i++) {
      double drive = load[i] + 0.3 * random.nextGaussian();
      values[i][0] = 50 + 15 * drive + 15 * sigma * random.nextGaussian();
      values[i][1] = 0.4 + 0.1 * drive + 0.1 * sigma * random.nextGaussian();
      values[i][2] = 200 + 40 * drive + 40 * sigma * random.nextGaussian();
    }
    double[] units = {15, 0.1, 40};
    List<Event> events = new ArrayList<>();
    for (Event place : places()) {
      int length = 1 + random.nextInt(10);
      int metric = random.nextInt(3);
      double size = units[metric] * Math.max(1, noise) * uniform(2, 4) * sign();
      for (int i = place.first(); i < place.first() + length; i++) {
        values[i][metric] += size;
      }
      events.add(new Event(place.first(), place.first() + length - 1));
    }
    return collected(kind, values, events);
  }

  /** Returns the starts of the anomalies. The first part of the series has none, for learning. */
  private List<Event> places() {
    List<Event> places = new ArrayList<>();
    int from = Math.min(size / 3, 700);
    int gap = 180;
    for (int at = from + random.nextInt(gap); !quiet && at < size - 60; ) {
      places.add(new Event(at, at));
      at += gap + random.nextInt(2 * gap);
    }
    return places;
  }

  private LabelledSeries series(Kind kind, double[] values, List<Event> events) {
    double[][] rows = new double[values.length][];
    for (int i = 0; i < values.length; i++) {
      rows[i] = new double[] {values[i]};
    }
    return collected(kind, rows, events);
  }

  /**
   * Simulates a metrics collector: some points are missing, sent twice, or repeat the previous
   * value. These are not anomalies.
   */
  private LabelledSeries collected(Kind kind, double[][] values, List<Event> events) {
    List<double[]> rows = new ArrayList<>();
    List<Double> times = new ArrayList<>();
    int[] places = new int[values.length];
    int missing = 0;
    int stuck = 0;
    for (int i = 0; i < values.length; i++) {
      int at = i;
      boolean calm =
          events.stream().noneMatch(e -> at >= e.first() - 8 && at <= e.last() + 8) && i > 0;
      if (calm && random.nextInt(400) == 0) {
        missing = 1 + random.nextInt(5);
      } else if (calm && random.nextInt(400) == 0) {
        stuck = 1 + random.nextInt(3);
      }
      places[i] = rows.size();
      if (calm && missing-- > 0) {
        continue;
      }
      double[] row = calm && stuck-- > 0 ? rows.get(rows.size() - 1) : values[i];
      for (int copies = calm && random.nextInt(400) == 0 ? 2 : 1; copies > 0; copies--) {
        rows.add(row);
        times.add(1_700_000_000.0 + 60 * i);
      }
    }
    return new LabelledSeries(
        kind.name(),
        kind.name(),
        times.stream().mapToDouble(Double::doubleValue).toArray(),
        rows.toArray(double[][]::new),
        events.stream().map(e -> new Event(places[e.first()], places[e.last()])).toList());
  }

  /** Draws from a Poisson distribution with Knuth's algorithm. */
  private int poisson(double rate) {
    double limit = Math.exp(-Math.min(rate, 500));
    int count = 0;
    for (double product = random.nextDouble(); product > limit; product *= random.nextDouble()) {
      count++;
    }
    return count;
  }

  private double uniform(double low, double high) {
    return low + (high - low) * random.nextDouble();
  }

  private int sign() {
    return random.nextBoolean() ? 1 : -1;
  }
}
