package ai.seedcore.serve.protocol;

import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

/** Messages to lines and back. A line holds no line break, whatever the message's texts hold. */
public final class Wire {

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private Wire() {}

  /** The message as one line, without its end. */
  public static String line(Record message) {
    return JSON.writeValueAsString(message);
  }

  /**
   * The request that a line holds.
   *
   * @throws JacksonException if it holds none
   */
  public static Request request(String line) {
    return JSON.readValue(line, Request.class);
  }

  /**
   * The reply that a line holds.
   *
   * @throws JacksonException if it holds none
   */
  public static Reply reply(String line) {
    return JSON.readValue(line, Reply.class);
  }
}
