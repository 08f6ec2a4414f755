package ai.seedcore.serve.contract;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The limits on one request and on the concurrent requests of a replica. A request that exceeds the
 * former is refused with {@code too_large}, one that exceeds the latter with {@code overloaded}.
 *
 * @param bodyBytes the maximum size of a request body, in bytes of UTF-8
 * @param items the maximum number of events in a request
 * @param points the maximum number of points in a time series
 * @param textCharacters the maximum length of a text, in characters
 * @param requests the maximum number of concurrent requests of a replica
 * @param requestBytes the maximum total size of their bodies, in bytes
 */
public record Limits(
    int bodyBytes, int items, int points, int textCharacters, int requests, int requestBytes) {

  /** The limits that apply unless the deployment configures others. */
  public static final Limits DEFAULT =
      new Limits(8 << 20, 10_000, 100_000, 100_000, 10_000, 64 << 20);

  static final List<String> NAMES =
      List.of("body_bytes", "items", "points", "text_characters", "requests", "request_bytes");

  /** Reads the option {@code limits}. A limit that it does not name has its default. */
  public static Limits read(Input input) throws Refusal {
    int[] values = DEFAULT.values();
    input.object(
        name -> {
          int index = NAMES.indexOf(name);
          if (index < 0) {
            throw input.unknown(NAMES);
          }
          values[index] = input.integer(1, Integer.MAX_VALUE);
        });
    return new Limits(values[0], values[1], values[2], values[3], values[4], values[5]);
  }

  Map<String, Object> toMap() {
    int[] values = values();
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      map.put(NAMES.get(i), values[i]);
    }
    return map;
  }

  private int[] values() {
    return new int[] {bodyBytes, items, points, textCharacters, requests, requestBytes};
  }
}
