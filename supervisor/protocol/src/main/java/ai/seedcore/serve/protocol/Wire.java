package ai.seedcore.serve.protocol;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

/** Encodes messages as lines of JSON. Line breaks in a message's strings are escaped. */
public final class Wire {

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private Wire() {}

  /** Encodes a message as one line, without the line break. */
  public static String line(Record message) {
    return JSON.writeValueAsString(message);
  }

  /**
   * Decodes a request.
   *
   * @throws JacksonException if the line is not a request
   */
  public static Request request(String line) {
    return JSON.readValue(line, Request.class);
  }

  /**
   * Decodes a reply.
   *
   * @throws JacksonException if the line is not a reply
   */
  public static Reply reply(String line) {
    return JSON.readValue(line, Reply.class);
  }
}
