package ai.seedcore.serve.contract;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How much a request may hold. What exceeds it is refused as {@code too_large}.
 *
 * @param bodyBytes the body, in bytes of UTF-8
 * @param items entries of a list of things to judge
 * @param points entries of a series
 * @param textCharacters characters of a text
 */
public record Limits(int bodyBytes, int items, int points, int textCharacters) {

  /** What holds where nothing is configured. */
  public static final Limits DEFAULT = new Limits(8 << 20, 10_000, 100_000, 100_000);

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("body_bytes", bodyBytes);
    map.put("items", items);
    map.put("points", points);
    map.put("text_characters", textCharacters);
    return map;
  }
}
