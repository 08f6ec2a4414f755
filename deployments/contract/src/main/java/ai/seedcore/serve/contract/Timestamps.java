package ai.seedcore.serve.contract;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;

/**
 * Reads the timestamps of a time series. A timestamp is a Unix time in seconds or an ISO 8601
 * string. A time without an offset is in UTC, and a date means its midnight. Timestamps must not
 * decrease.
 */
public final class Timestamps {

  /** The name of the field that holds a timestamp. */
  public static final String FIELD = "timestamp";

  /** The description of a timestamp in error messages. */
  public static final String EXPECTED =
      "Unix time in seconds or ISO 8601, such as 2026-01-31T12:00:00Z";

  /** The maximum length of an ISO 8601 time, in characters. */
  private static final int MAX_LENGTH = 60;

  private static final double NANOS_PER_SECOND = 1e9;

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
    if (time.seconds() < previous) {
      throw input.refuse("a time no earlier than that of the previous entry");
    }
    previous = time.seconds();
    return time;
  }

  private static Timestamp read(Input input) throws Refusal {
    if (!input.isText()) {
      double seconds = input.number(SECONDS);
      return new Timestamp(seconds, seconds);
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

  private static Instant parse(String text) {
    if (text.indexOf('T') < 0) {
      return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant();
    }
    TemporalAccessor time =
        DateTimeFormatter.ISO_DATE_TIME.parseBest(text, OffsetDateTime::from, LocalDateTime::from);
    return time instanceof LocalDateTime local
        ? local.toInstant(ZoneOffset.UTC)
        : Instant.from(time);
  }
}
