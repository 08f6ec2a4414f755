package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.value.Value;
import tools.jackson.databind.json.JsonMapper;

/** Compares converted results with the JSON that Jackson writes. */
class JsonReplyTest {

  /** A record of a user. */
  public record Point(double x, int y, Optional<String> name) {}

  /** An enum of a user. */
  public enum Color {
    RED
  }

  /** A bean of a user. */
  public static final class Bean {
    public String getName() {
      return "b";
    }

    public boolean isGood() {
      return true;
    }
  }

  static Stream<Object> values() {
    return Stream.of(
        new double[] {1.5, 2},
        new int[][] {{1}, {2, 3}},
        new String[] {"a", null},
        new boolean[] {true},
        0.1f,
        1e300,
        Double.MIN_VALUE,
        Integer.MIN_VALUE,
        Long.MAX_VALUE,
        new BigDecimal("1.5"),
        BigInteger.TEN,
        Instant.ofEpochSecond(1_700_000_000, 5_000_000),
        LocalDate.of(2020, 1, 2),
        Duration.ofSeconds(90),
        new UUID(1, 2),
        Color.RED,
        'c',
        Optional.of(List.of(1)),
        Optional.empty(),
        new Point(1, 2, Optional.of("a")),
        new Bean(),
        new ArrayList<>(Arrays.asList(1, null, "x")),
        Map.of(1, "int key"),
        Map.of(Color.RED, new byte[] {1, 2, 3}));
  }

  @ParameterizedTest
  @MethodSource("values")
  void convertsFieldAsJacksonDoes(Object value) throws Exception {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("value", value);
    result.put("list", List.of(value));
    assertThat(JsonMapper.shared().readTree(json(JsonReply.of(result, false))))
        .isEqualTo(JsonMapper.shared().readTree(JsonMapper.shared().writeValueAsString(result)));
  }

  @Test
  void keepsPlainValues() throws Exception {
    assertThat(json(JsonReply.of(Map.of("a", List.of(1, 2.5, true, "x")), false)))
        .isEqualTo("{\"a\":[1,2.5,true,\"x\"]}");
    assertThat(JsonReply.of("text", false)).isEqualTo("text");
    assertThat(JsonReply.of(null, false)).isNull();
  }

  @Test
  void keepsBytes() throws Exception {
    byte[] bytes = {-1, 0, 1};
    assertThat(JsonReply.of(bytes, false)).isSameAs(bytes);
    assertThat((byte[]) JsonReply.of(ByteBuffer.wrap(bytes), false)).isEqualTo(bytes);
  }

  @Test
  void sendsJsonTextIfMessagePackIsInexact() throws Exception {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("decimal", new BigDecimal("12345678901234567890.123456789"));
    result.put("integer", BigInteger.TWO.pow(80));
    result.put("nan", Double.NaN);
    assertThat(text(JsonReply.of(result, false)))
        .isEqualTo(
            "{\"decimal\":12345678901234567890.123456789,\"integer\":1208925819614629174706176,"
                + "\"nan\":null}");
    assertThat(text(JsonReply.of(Instant.EPOCH, false))).isEqualTo("\"1970-01-01T00:00:00Z\"");
    assertThat(text(JsonReply.of(Double.NaN, false))).isEqualTo("null");
  }

  @Test
  void deploymentCannotForgeAgentReply() throws Exception {
    Map<String, Object> forged =
        Map.of("\0seedcore", Map.of("status", 200, "type", "text/html", "body", "<script>"));
    assertThat(text(JsonReply.of(forged, false))).startsWith("{\"\\u0000seedcore\":{");
    Map<String, Object> other = new HashMap<>(forged);
    other.put("when", Instant.EPOCH);
    assertThat(text(JsonReply.of(other, false))).contains("\"\\u0000seedcore\":{");
  }

  @Test
  void copiesResultBeforeDeploymentChangesIt() throws Exception {
    Map<String, Object> live = new HashMap<>(Map.of("a", new ArrayList<>(List.of(1))));
    Object reply = JsonReply.of(live, false);
    live.put("b", 2);
    assertThat(json(reply)).isEqualTo("{\"a\":[1]}");
  }

  @Test
  void nonFiniteNumbersBecomeNullOrAreRejected() throws Exception {
    Map<String, Object> result =
        Map.of("scores", List.of(1, Float.NEGATIVE_INFINITY), "n", new double[] {Double.NaN});
    assertThat(JsonMapper.shared().readTree(json(JsonReply.of(result, false))))
        .isEqualTo(JsonMapper.shared().readTree("{\"scores\":[1,null],\"n\":[null]}"));
    assertThatThrownBy(() -> JsonReply.of(Map.of("a", List.of(1, Double.NaN)), true))
        .hasMessage("the result's field a[1] is NaN, which JSON cannot represent");
  }

  @Test
  void namesPartWithoutJsonRepresentation() {
    Map<String, Object> loop = new HashMap<>();
    loop.put("self", loop);
    List<Object> list = new ArrayList<>();
    list.add(list);
    for (Object result : List.of(loop, list, Map.of("deep", loop))) {
      assertThatThrownBy(() -> JsonReply.of(result, false))
          .isInstanceOf(NotJson.class)
          .hasMessageContaining("itself");
    }
    Map<String, Object> nullKey = new HashMap<>();
    nullKey.put(null, 1);
    assertThatThrownBy(() -> JsonReply.of(Map.of("a", nullKey), false))
        .hasMessageContaining("a map key is null");
    assertThatThrownBy(() -> JsonReply.of(Map.of("a", new Throwing()), false))
        .hasMessageContaining("the result's field a.value")
        .hasMessageContaining("reading it failed: no value");
  }

  /** A bean whose getter throws. */
  public static final class Throwing {
    private final Map<String, String> values = Map.of();

    public String getValue() {
      return Optional.ofNullable(values.get("value"))
          .orElseThrow(() -> new IllegalStateException("no value"));
    }
  }

  private static String json(@Nullable Object reply) throws IOException {
    Value value = unpacked(reply);
    return value.isMapValue() && value.toString().contains("seedcore")
        ? text(reply)
        : value.toJson();
  }

  /** Returns the body that the patched proxy responds with. */
  private static String text(@Nullable Object reply) throws IOException {
    Value outer = unpacked(reply).asMapValue().map().values().iterator().next();
    return outer.asMapValue().map().entrySet().stream()
        .filter(entry -> entry.getKey().asStringValue().asString().equals("body"))
        .findFirst()
        .orElseThrow()
        .getValue()
        .asStringValue()
        .asString();
  }

  private static Value unpacked(@Nullable Object reply) throws IOException {
    try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
      assertThat(JsonReply.pack(reply, packer)).isTrue();
      return MessagePack.newDefaultUnpacker(packer.toByteArray()).unpackValue();
    }
  }
}
