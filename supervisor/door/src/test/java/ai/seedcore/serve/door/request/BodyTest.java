package ai.seedcore.serve.door.request;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.internal.PlatformDependent;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Isolated("It measures the memory of the JVM.")
class BodyTest {

  private static Body of(byte[] bytes, int part, long whole) {
    Body body = new Body();
    Buffer all = Buffer.buffer(bytes);
    for (int at = 0; at < bytes.length; at += part) {
      body.append(all.slice(at, Math.min(bytes.length, at + part)), whole);
    }
    return body;
  }

  @ParameterizedTest
  @CsvSource({"100,7", "16384,16384", "300000,16384", "300000,1000", "1000000,1"})
  void containsTheAppendedBytes(int length, int part) {
    byte[] bytes = "text of any length, ".repeat(length / 20).getBytes(StandardCharsets.US_ASCII);
    for (long whole : new long[] {bytes.length, Long.MAX_VALUE}) {
      Body body = of(bytes, part, whole);
      assertThat(body.length()).isEqualTo(bytes.length);
      assertThat(bytes(body)).isEqualTo(bytes);
      body.release();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {5 << 20, Long.MAX_VALUE})
  void allocatesAtMostAQuarterMoreThanItsLength(long whole) {
    long before = PlatformDependent.usedDirectMemory();
    Body body = new Body();
    Buffer part = Buffer.buffer(new byte[16 << 10]);
    for (int i = 0; i < 320; i++) {
      body.append(part, whole);
      assertThat(PlatformDependent.usedDirectMemory() - before)
          .isLessThanOrEqualTo(body.length() / 4 * 5L);
    }
    body.release();
    assertThat(PlatformDependent.usedDirectMemory()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 16_384})
  void recognizesUtf8AcrossPieces(int part) {
    byte[] text = "a\u00e9\u20ac\ud83d\ude00".repeat(5_000).getBytes(StandardCharsets.UTF_8);
    Body body = of(text, part, Long.MAX_VALUE);
    assertThat(body.isUtf8()).isTrue();
    body.append(Buffer.buffer(new byte[] {(byte) 0xe2, (byte) 0x82}), Long.MAX_VALUE);
    assertThat(body.isUtf8()).isFalse();
    body.append(Buffer.buffer(new byte[] {(byte) 0xac}), Long.MAX_VALUE);
    assertThat(body.isUtf8()).isTrue();
    body.release();
  }

  private static byte[] bytes(Body body) {
    byte[] bytes = new byte[body.length()];
    body.nioBuffer(0, bytes.length).get(bytes);
    return bytes;
  }

  @Test
  void rejectsInvalidUtf8() {
    for (int bad : new int[] {0x80, 0xc0, 0xf8, 0xff}) {
      byte[] bytes = "text ".repeat(10_000).getBytes(StandardCharsets.US_ASCII);
      bytes[20_000] = (byte) bad;
      Body body = of(bytes, 4_096, bytes.length);
      assertThat(body.isUtf8()).isFalse();
      body.release();
    }
  }
}
