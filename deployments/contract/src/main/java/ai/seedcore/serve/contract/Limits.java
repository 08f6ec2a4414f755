package ai.seedcore.serve.contract;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How much a request may hold, and how much may be worked on at a time. What exceeds the first is
 * refused as {@code too_large}, what exceeds the second as {@code overloaded}.
 *
 * @param bodyBytes the body, in bytes of UTF-8
 * @param items entries of a list of things to judge
 * @param points entries of a series
 * @param textCharacters characters of a text
 * @param requests requests at a time, in one replica
 * @param requestBytes bytes of all their bodies
 */
public record Limits(
    int bodyBytes, int items, int points, int textCharacters, int requests, int requestBytes) {

  /** What holds where nothing is configured. */
  public static final Limits DEFAULT =
      new Limits(8 << 20, 10_000, 100_000, 100_000, 10_000, 64 << 20);

  private static final List<String> NAMES =
      List.of("body_bytes", "items", "points", "text_characters", "requests", "request_bytes");

  /** Reads the option {@code limits}: an object that names some of them. */
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
