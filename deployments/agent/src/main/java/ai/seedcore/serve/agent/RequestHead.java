package ai.seedcore.serve.agent;

import ai.seedcore.serve.api.Request;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The head of a request, as the patched proxy passes it (see java_support.py). */
final class RequestHead {

  private RequestHead() {}

  /**
   * Returns whether a head may have a header field: it contains its name.
   *
   * @param head the head as JSON, in which the names of fields are in lower case
   */
  static boolean contains(String head, String field) {
    return head.contains('"' + field.toLowerCase(Locale.ROOT) + '"');
  }

  /**
   * Returns the request that a class receives.
   *
   * @param head the head as JSON; empty if something other than the patched proxy sent the request
   * @param body the body as Ray passes it
   */
  static Request request(String head, @Nullable Object body) {
    byte[] bytes =
        body instanceof byte[] binary
            ? binary
            : body == null ? new byte[0] : body.toString().getBytes(StandardCharsets.UTF_8);
    if (head.isEmpty()) {
      return new Request("POST", "/", Map.of(), bytes);
    }
    JsonObject fields = JsonParser.parseString(head).getAsJsonObject();
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (JsonElement header : fields.getAsJsonArray("headers")) {
      JsonArray pair = header.getAsJsonArray();
      headers
          .computeIfAbsent(pair.get(0).getAsString(), name -> new ArrayList<>())
          .add(pair.get(1).getAsString());
    }
    return new Request(
        fields.get("method").getAsString(),
        fields.get("target").getAsString(),
        headers,
        fields.get("body").getAsBoolean() ? bytes : new byte[0]);
  }
}
