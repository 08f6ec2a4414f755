package ai.seedcore.serve.contract;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.ResolverStyle;
import java.time.temporal.TemporalAccessor;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the timestamps of a time series. A timestamp is a Unix time or a string as of ISO 8601, in
 * which a space may stand for the {@code T} and slashes for the hyphens. A time without an offset
 * is in UTC, and a date means its midnight. Timestamps must not decrease.
 *
 * <p>A Unix time is in seconds. From 1e11 on, which would be the year 5138, it is in milliseconds,
 * from 1e14 on in microseconds, and from 1e17 on in nanoseconds.
 */
public final class Timestamps {

  /** The name of the field that holds a timestamp. */
  public static final String FIELD = "timestamp";

  /** The description of a timestamp in error messages. */
  public static final String EXPECTED =
      "Unix time in seconds or milliseconds, or ISO 8601, such as 2026-01-31T12:00:00Z";

  /** What a client is told that a timestamp is. */
  static final Schema SCHEMA =
      Schema.anyOf(Schema.NUMBER, Schema.TEXT.with("format", "date-time")).described(EXPECTED);

  /** The maximum length of an ISO 8601 time, in characters. */
  private static final int MAX_LENGTH = 200;

  private static final double NANOS_PER_SECOND = 1e9;

  /** The smallest Unix time in milliseconds, and the factor to the next smaller unit. */
  private static final double MIN_MILLIS = 1e11;

  private static final double UNIT = 1_000;

  /** The last unit: nanoseconds. */
  private static final int SMALLEST_UNIT = 3;

  private static final int DATE_LENGTH = 10;

  /**
   * RFC 3339. It knows what java.time does not: leap seconds, offsets of up to a day, and fractions
   * of any length.
   */
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "(\\d{4}-\\d\\d-\\d\\d)T(\\d\\d):([0-5]\\d):([0-5]\\d|60)(?:\\.(\\d+))?"
              + "(?:Z|([+-])([01]\\d|2[0-3]):([0-5]\\d))",
          Pattern.CASE_INSENSITIVE);

  private static final int NANO_DIGITS = 9;

  /** Other forms of ISO 8601, with offsets such as +01:00, +0100 and +01, also after a space. */
  private static final DateTimeFormatter FORMAT =
      new DateTimeFormatterBuilder()
          .parseCaseInsensitive()
          .append(DateTimeFormatter.ISO_LOCAL_DATE)
          .appendLiteral('T')
          .append(DateTimeFormatter.ISO_LOCAL_TIME)
          .appendPattern("[ ][XXX][XX][X]['['VV']']")
          .toFormatter(Locale.ROOT)
          .withResolverStyle(ResolverStyle.STRICT);

  private static final String NOT_EARLIER = "a time no earlier than that of the previous entry";

  private static final Range SECONDS = new Range(-Double.MAX_VALUE, Double.MAX_VALUE, EXPECTED);

  private double previous = Double.NEGATIVE_INFINITY;

  /**
   * A timestamp.
   *
   * @param seconds the Unix time, in seconds
   * @param given the value in the request, a number or a string
   */
  public record Timestamp(double seconds, Object given) {}

  /**
   * Reads the next timestamp.
   *
   * @throws Refusal if it is not a timestamp or is earlier than the previous one
   */
  public Timestamp next(Input input) throws Refusal {
    Timestamp time = read(input);
    if (isEarlier(time)) {
      throw input.refuse(NOT_EARLIER);
    }
    return time;
  }

  /**
   * Returns the next timestamp, which is a Unix time.
   *
   * @param path the path of the value, asked for only if it is refused
   * @throws Refusal if it is not finite or is earlier than the previous one
   */
  public Timestamp next(double given, Supplier<String> path) throws Refusal {
    Timestamp time = new Timestamp(seconds(SECONDS.require(given, path)), given);
    if (isEarlier(time)) {
      throw Refusal.field(path.get(), Double.toString(given), NOT_EARLIER);
    }
    return time;
  }

  private boolean isEarlier(Timestamp time) {
    boolean earlier = time.seconds() < previous;
    previous = time.seconds();
    return earlier;
  }

  private static Timestamp read(Input input) throws Refusal {
    if (!input.isText()) {
      double given = input.number(SECONDS);
      return new Timestamp(seconds(given), given);
    }
    String text = input.text(Integer.MAX_VALUE);
    if (text.length() <= MAX_LENGTH) {
      try {
        Instant time = parse(text);
        return new Timestamp(time.getEpochSecond() + time.getNano() / NANOS_PER_SECOND, text);
      } catch (DateTimeException e) {
        throw input.refuse(EXPECTED);
      }
    }
    throw input.refuse(EXPECTED);
  }

  private static double seconds(double given) {
    double seconds = given;
    for (int unit = 1; unit <= SMALLEST_UNIT && Math.abs(seconds) >= MIN_MILLIS; unit++) {
      seconds /= UNIT;
    }
    return seconds;
  }

  private static Instant parse(String given) {
    StringBuilder text = new StringBuilder(given.strip());
    if (text.length() >= DATE_LENGTH && text.charAt(4) == '/' && text.charAt(7) == '/') {
      text.setCharAt(4, '-');
      text.setCharAt(7, '-');
    }
    if (text.length() == DATE_LENGTH) {
      return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
    }
    if (text.length() > DATE_LENGTH && text.charAt(DATE_LENGTH) == ' ') {
      text.setCharAt(DATE_LENGTH, 'T');
    }
    Matcher standard = RFC_3339.matcher(text);
    if (standard.matches()) {
      return instant(standard);
    }
    TemporalAccessor time =
        FORMAT.parseBest(text, ZonedDateTime::from, OffsetDateTime::from, LocalDateTime::from);
    return time instanceof LocalDateTime local
        ? local.toInstant(ZoneOffset.UTC)
        : Instant.from(time);
  }

  private static Instant instant(Matcher standard) {
    String fraction = standard.group(5) == null ? "" : standard.group(5);
    int second = Integer.parseInt(standard.group(4));
    int offset =
        standard.group(6) == null
            ? 0
            : Integer.parseInt(standard.group(7)) * 60 + Integer.parseInt(standard.group(8));
    // Unix time has no leap second: it is the second after it.
    return LocalDate.parse(standard.group(1))
        .atTime(Integer.parseInt(standard.group(2)), Integer.parseInt(standard.group(3)))
        .plusSeconds(second)
        .plusNanos(Integer.parseInt((fraction + "0".repeat(NANO_DIGITS)).substring(0, NANO_DIGITS)))
        .minusMinutes("-".equals(standard.group(6)) ? -offset : offset)
        .toInstant(ZoneOffset.UTC);
  }
}
