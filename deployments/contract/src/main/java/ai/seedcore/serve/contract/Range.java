package ai.seedcore.serve.contract;

/**
 * The finite numbers that a field may hold, both ends included.
 *
 * @param words how the range is named to the caller
 */
public record Range(double low, double high, String words) {

  /** 0 to 1. */
  public static final Range FRACTION = new Range(0, 1, "a number from 0 to 1");

  /** 0 and above. */
  public static final Range NOT_NEGATIVE =
      new Range(0, Double.MAX_VALUE, "a finite number, 0 or more");

  /** Any finite number. */
  public static final Range FINITE =
      new Range(-Double.MAX_VALUE, Double.MAX_VALUE, "a finite number");

  /** From {@code low} to {@code high}. */
  public static Range of(double low, double high) {
    return new Range(low, high, "a number from %s to %s".formatted(plain(low), plain(high)));
  }

  boolean holds(double value) {
    return value >= low && value <= high; // NaN and the infinities are in no range.
  }

  static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
