package ai.seedcore.serve.contract;

import java.util.function.Supplier;

/**
 * A range of finite numbers that are valid for a field.
 *
 * @param low the smallest valid number
 * @param high the largest valid number
 * @param words the description of the range in error messages
 */
public record Range(double low, double high, String words) {

  /** The integers below this are exact in a double and readable in full. */
  private static final double MAX_PLAIN_INTEGER = 1e15;

  /** 0 to 1. */
  public static final Range FRACTION = new Range(0, 1, "a number from 0 to 1");

  /** Any finite number from 0. */
  public static final Range NOT_NEGATIVE =
      new Range(0, Double.MAX_VALUE, "a finite number, 0 or more");

  /** Any finite number. */
  public static final Range FINITE =
      new Range(-Double.MAX_VALUE, Double.MAX_VALUE, "a finite number");

  /** Returns the range from {@code low} to {@code high}, both inclusive. */
  public static Range of(double low, double high) {
    return new Range(low, high, "a number from %s to %s".formatted(plain(low), plain(high)));
  }

  /**
   * Refuses a value that is not in the range.
   *
   * @param path the path of the value, asked for only if it is refused
   */
  public double require(double value, Supplier<String> path) throws Refusal {
    if (!holds(value)) {
      throw Refusal.field(path.get(), Double.toString(value), words);
    }
    return value;
  }

  boolean holds(double value) {
    return value >= low && value <= high; // False for NaN and infinities.
  }

  /** Formats a number without a fraction if it is an integer. */
  static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < MAX_PLAIN_INTEGER
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
