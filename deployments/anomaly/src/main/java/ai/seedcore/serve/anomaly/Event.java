package ai.seedcore.serve.anomaly;

import ai.seedcore.serve.series.Robust;
import java.util.Arrays;

/** The last run of anomalous values of a metric. */
final class Event {

  /** After this many anomalous values in a row, they are the new level. */
  static final int NEW_LEVEL = 60;

  /** Anomalous values at most this many points apart belong to one event. */
  private static final int GAP = 4;

  /** The number of values of an event that are reported, unless a later one is twice as far. */
  private static final int REPORTED = 10;

  private static final double WORSE = 2;

  private final double[] values = new double[NEW_LEVEL];
  private final double[] residuals = new double[NEW_LEVEL];
  private int length;
  private int reported;
  private double maxDistance;
  private double maxRarity;
  private long last = Long.MIN_VALUE / 2;

  /** Returns whether an anomalous value at a time belongs to this event. */
  boolean includes(long time) {
    return time - last <= GAP;
  }

  /** Returns whether a time is so near that values are compared with those of the event. */
  boolean isNear(long time) {
    return time - last <= Spread.WINDOW;
  }

  /** Returns whether the event has been reported, and a value at a time is hardly worse. */
  boolean covers(long time, double distance) {
    return includes(time) && reported >= REPORTED && distance < WORSE * maxDistance;
  }

  /** Returns whether the event has a rarer value. */
  boolean exceeds(double rarity) {
    return rarity <= maxRarity;
  }

  /**
   * Adds an anomalous value, which begins a new event if this one does not include it.
   *
   * @param residual the distance from what was expected at the value's phase; 0 if that is unknown
   * @param isReported whether the value is reported, unless the event covers it
   */
  void add(
      long time,
      double value,
      double residual,
      double distance,
      double rarity,
      boolean isReported) {
    if (!includes(time)) {
      length = 0;
      reported = 0;
      maxDistance = 0;
    }
    maxRarity = isNear(time) ? Math.max(maxRarity, rarity) : rarity;
    maxDistance = Math.max(maxDistance, distance);
    reported += isReported ? 1 : 0;
    last = time;
    values[length] = value;
    residuals[length++] = residual;
  }

  /** Returns whether the event is a new level. */
  boolean isNewLevel() {
    return length == NEW_LEVEL;
  }

  /** Returns the values of a new level. */
  double[] values() {
    return Arrays.copyOf(values, length);
  }

  /** Returns the typical distance of a new level from what was expected. */
  double shift() {
    return Robust.median(residuals);
  }

  /** Ends the event. */
  void end() {
    length = 0;
    last = Long.MIN_VALUE / 2;
  }
}
