package ai.seedcore.serve.contract;

import java.time.DateTimeException;
import java.time.OffsetDateTime;
import tools.jackson.databind.JsonNode;

/** Reads the timestamps of a series: unix seconds or ISO-8601, never going back. */
public final class Timestamps {

  private static final String EXPECTED =
      "unix seconds or ISO-8601 with an offset, such as 2026-01-31T12:00:00Z";

  private double last = Double.NEGATIVE_INFINITY;

  /** The next timestamp, in unix seconds. */
  public double next(JsonNode node, String path) throws Refusal {
    double seconds = seconds(node, path);
    if (seconds < last) {
      throw Refusal.field(path, Fields.found(node), "no time before that of the entry before it");
    }
    last = seconds;
    return seconds;
  }

  private static double seconds(JsonNode node, String path) throws Refusal {
    if (node.isNumber() && Double.isFinite(node.doubleValue())) {
      return node.doubleValue();
    }
    if (node.isString()) {
      try {
        OffsetDateTime time = OffsetDateTime.parse(node.stringValue());
        return time.toEpochSecond() + time.getNano() / 1e9;
      } catch (DateTimeException e) {
        throw Refusal.field(path, Fields.found(node), EXPECTED);
      }
    }
    throw Refusal.field(path, Fields.found(node), EXPECTED);
  }
}
