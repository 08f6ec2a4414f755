package ai.seedcore.serve.daemon.cluster;

import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON in the tests' own words. */
final class Json {

  private static final double CLOSE = 1e-9;

  private Json() {}

  static JsonNode parse(String text) {
    return JsonMapper.shared().readTree(text);
  }

  /**
   * Whether everything that is expected is there: fields may be more, lists may not, numbers may be
   * a billionth off.
   */
  static boolean holds(JsonNode found, JsonNode expected) {
    if (expected.isObject()) {
      for (Map.Entry<String, JsonNode> field : expected.properties()) {
        if (!found.has(field.getKey()) || !holds(found.get(field.getKey()), field.getValue())) {
          return false;
        }
      }
      return true;
    }
    if (expected.isArray()) {
      boolean same = found.isArray() && found.size() == expected.size();
      for (int i = 0; same && i < expected.size(); i++) {
        same = holds(found.get(i), expected.get(i));
      }
      return same;
    }
    if (expected.isNumber()) {
      double value = expected.doubleValue();
      return found.isNumber()
          && Math.abs(found.doubleValue() - value) <= CLOSE * Math.max(1, Math.abs(value));
    }
    return expected.equals(found);
  }
}
