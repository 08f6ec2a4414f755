package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The frame around a model: from the request's text to the reply's map.
 *
 * <p>Serve's proxy lets a Java replica answer 200 or 500 only. So what is wrong with a request is
 * told in the reply, and an exception is left for our own faults.
 */
public final class Endpoint {

  /** Deepest nesting of a request's lists and objects. */
  static final int MAX_DEPTH = 32;

  /** Longest number, in characters: far beyond what a double holds, far below what costs time. */
  static final int MAX_NUMBER = 1_000;

  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** What a model makes of a request: the fields of a success, {@code model} among them. */
  @FunctionalInterface
  public interface Model {
    /**
     * Judges one request.
     *
     * @throws Refusal if the request is not one that the model can answer
     */
    Map<String, Object> answer(Fields request) throws Refusal;
  }

  /**
   * What a deployment says of itself when it is asked nothing.
   *
   * @param name the deployment's name
   * @param model the model's name
   * @param modelVersion the model's version
   * @param example a request that it answers
   */
  public record Description(
      String name, String model, String modelVersion, Map<String, Object> example) {}

  private final Description description;
  private final Set<String> known;
  private final Limits limits;
  private final Clock clock;
  private final Model model;

  /**
   * A frame.
   *
   * @param known the names that a request may have
   */
  public Endpoint(
      Description description, Set<String> known, Limits limits, Clock clock, Model model) {
    this.description = description;
    this.known = known;
    this.limits = limits;
    this.clock = clock;
    this.model = model;
  }

  /**
   * The reply to a body.
   *
   * @param body the request's text as the proxy hands it over; null or blank asks for the
   *     description
   */
  public Map<String, Object> answer(@Nullable Object body) {
    String text = body == null ? "" : body.toString();
    try {
      if (text.isBlank()) {
        return success(describe());
      }
      return success(model.answer(Fields.of(parse(text), "", known)));
    } catch (Refusal refusal) {
      return error(refusal);
    }
  }

  private JsonNode parse(String text) throws Refusal {
    if (exceeds(text, limits.bodyBytes())) {
      throw new Refusal(
          Code.TOO_LARGE,
          "body: found more than %1$d bytes, expected %1$d at most".formatted(limits.bodyBytes()));
    }
    try {
      return JSON.readTree(text);
    } catch (JacksonException e) {
      throw new Refusal(Code.INVALID_JSON, "body: " + reason(e));
    }
  }

  /** Whether a text is longer in UTF-8 than so many bytes. */
  private static boolean exceeds(String text, int bytes) {
    if (text.length() > bytes) {
      return true;
    }
    if (3L * text.length() <= bytes) {
      return false;
    }
    long size = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // Each half of a surrogate pair stands for two of its four bytes.
      size += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return size > bytes;
  }

  private static String reason(JacksonException e) {
    String place =
        e.getLocation() == null || e.getLocation().getLineNr() < 1
            ? ""
            : " at line %d, column %d"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    String message = e.getOriginalMessage().replaceAll("\\s+", " ");
    return "found "
        + (message.length() <= 200 ? message : message.substring(0, 197) + "...")
        + place
        + ", expected one JSON object, without duplicate keys, at most %d levels deep"
            .formatted(MAX_DEPTH);
  }

  private Map<String, Object> describe() {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("name", description.name());
    reply.put("version", version());
    reply.put("model", description.model());
    reply.put("example", description.example());
    reply.put("limits", limits.toMap());
    return reply;
  }

  private static String version() {
    String version = Endpoint.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  private Map<String, Object> success(Map<String, Object> fields) {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("status", "success");
    reply.putAll(fields);
    reply.put("model_version", description.modelVersion());
    reply.put("timestamp", now());
    return reply;
  }

  private Map<String, Object> error(Refusal refusal) {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("status", "error");
    reply.put("code", refusal.code().word());
    reply.put("error", String.valueOf(refusal.getMessage()));
    reply.put("timestamp", now());
    return reply;
  }

  private double now() {
    return clock.millis() / 1_000.0;
  }
}
