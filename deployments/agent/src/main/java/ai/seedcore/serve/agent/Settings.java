package ai.seedcore.serve.agent;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import org.jspecify.annotations.Nullable;

/**
 * Settings that can change while a replica runs. They arrive as Serve's {@code user_config}, a JSON
 * object.
 *
 * @param userConfig the declared {@code user_config}; null if there is none
 * @param requestTimeoutS seconds after which a request's thread is interrupted; 0 for no limit
 * @param rejectNonFinite whether NaN and infinities in a result are errors; otherwise they become
 *     null
 * @param showErrors whether error replies contain the message of the deployment's exception
 */
record Settings(
    @Nullable JsonElement userConfig,
    double requestTimeoutS,
    boolean rejectNonFinite,
    boolean showErrors) {

  static final Settings DEFAULT = new Settings(null, 0, false, false);

  /** Parses the settings. A missing key has its default. */
  static Settings parse(String text) {
    JsonObject json = JsonParser.parseString(text).getAsJsonObject();
    return new Settings(
        json.get("user_config"),
        json.has("request_timeout_s") ? json.get("request_timeout_s").getAsDouble() : 0,
        json.has("non_finite_numbers")
            && json.get("non_finite_numbers").getAsString().equals("reject"),
        json.has("show_errors") && json.get("show_errors").getAsBoolean());
  }
}
