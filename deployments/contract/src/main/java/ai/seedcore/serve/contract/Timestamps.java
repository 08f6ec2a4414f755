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
 * Reads the timestamps of a series: unix seconds or ISO-8601, never going back. A time without an
 * offset is UTC, a date its midnight.
 */
public final class Timestamps {

  private static final String EXPECTED = "unix seconds or ISO-8601, such as 2026-01-31T12:00:00Z";

  /** No ISO-8601 time is longer. */
  private static final int MOST_CHARACTERS = 60;

  private static final Range SECONDS = new Range(-Double.MAX_VALUE, Double.MAX_VALUE, EXPECTED);

  private double last = Double.NEGATIVE_INFINITY;

  /**
   * A timestamp.
   *
   * @param seconds unix time
   * @param given as the request gave it: a number or a text
   */
  public record Timestamp(double seconds, Object given) {}

  /** The next timestamp. */
  public Timestamp next(Input input) throws Refusal {
    Timestamp time = read(input);
    if (time.seconds() < last) {
      throw input.refuse("no time before that of the entry before it");
    }
    last = time.seconds();
    return time;
  }

  private static Timestamp read(Input input) throws Refusal {
    if (!input.isText()) {
      double seconds = input.number(SECONDS);
      return new Timestamp(seconds, seconds);
    }
    String text = input.text(Integer.MAX_VALUE);
    if (text.length() <= MOST_CHARACTERS) {
      try {
        Instant time = parse(text);
        return new Timestamp(time.getEpochSecond() + time.getNano() / 1e9, text);
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
