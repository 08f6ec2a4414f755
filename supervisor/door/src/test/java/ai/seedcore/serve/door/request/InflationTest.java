package ai.seedcore.serve.door.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the decompression of bodies against the JDK's compressors. */
@Isolated("It measures times.")
public class InflationTest {

  private static final int MAX_BYTES = 8 << 20;

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
      gzip.write(bytes);
    }
    return compressed.toByteArray();
  }

  private static byte[] deflate(byte[] bytes, boolean bare) throws IOException {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, bare);
    try (DeflaterOutputStream stream = new DeflaterOutputStream(compressed, deflater)) {
      stream.write(bytes);
    } finally {
      deflater.end();
    }
    return compressed.toByteArray();
  }

  /** Decompresses a body that arrives in pieces, as from the network. */
  private static byte[] inflate(String coding, byte[] compressed, int maxBytes) throws IOException {
    Body body = new Body();
    for (int at = 0; at < compressed.length; at += 1_000) {
      byte[] part = Arrays.copyOfRange(compressed, at, Math.min(compressed.length, at + 1_000));
      body.append(Buffer.buffer(part), Long.MAX_VALUE);
    }
    try (Inflation inflation = new Inflation(coding, body, maxBytes)) {
      while (!inflation.step()) {
        // Runs the next step.
      }
      return inflation.bytes();
    } finally {
      body.release();
    }
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 100, 16 << 10, 100_000, 3_000_000})
  void decompressesWhatTheJdkCompresses(int length) throws IOException {
    byte[] bytes = random(length);
    assertThat(inflate("gzip", gzip(bytes), MAX_BYTES)).isEqualTo(bytes);
    assertThat(inflate(" X-GZIP", gzip(bytes), MAX_BYTES)).isEqualTo(bytes);
    assertThat(inflate("Deflate", deflate(bytes, false), MAX_BYTES)).isEqualTo(bytes);
    assertThat(inflate("deflate", deflate(bytes, true), MAX_BYTES)).isEqualTo(bytes);
  }

  @Test
  void decompressesAllMembersAndIgnoresTrailingBytes() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(gzip("one,".getBytes(StandardCharsets.UTF_8)));
    all.writeBytes(gzip(new byte[0]));
    all.writeBytes(gzip("two".getBytes(StandardCharsets.UTF_8)));
    all.writeBytes(new byte[100]);
    assertThat(inflate("gzip", all.toByteArray(), MAX_BYTES)).asString().isEqualTo("one,two");
  }

  /**
   * The header has the optional parts that gzip(1) can write: a name, an extra field, a comment,
   * and a checksum.
   */
  @Test
  void readsOptionalHeaderFields() throws IOException {
    byte[] plain = gzip("x".getBytes(StandardCharsets.UTF_8));
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    compressed.write(plain, 0, 3);
    compressed.write(4 | 8 | 16 | 2);
    compressed.write(plain, 4, 6);
    compressed.writeBytes(new byte[] {3, 0, 'a', 'b', 'c'});
    compressed.writeBytes("name\0comment\0".getBytes(StandardCharsets.UTF_8));
    compressed.writeBytes(new byte[] {1, 2});
    compressed.write(plain, 10, plain.length - 10);
    assertThat(inflate("gzip", compressed.toByteArray(), MAX_BYTES)).asString().isEqualTo("x");
  }

  @Test
  void rejectsBodiesBeyondTheLimit() throws IOException {
    byte[] bomb = gzip(new byte[64 << 20]);
    assertThatThrownBy(() -> inflate("gzip", bomb, MAX_BYTES))
        .isInstanceOf(Inflation.TooLong.class);
    assertThat(inflate("gzip", gzip(new byte[MAX_BYTES]), MAX_BYTES)).hasSize(MAX_BYTES);
  }

  @Test
  void rejectsInvalidFormats() throws IOException {
    byte[] compressed = gzip(random(50_000));
    for (int length :
        new int[] {0, 1, 9, 10, 11, 1_000, compressed.length - 8, compressed.length - 1}) {
      byte[] cut = Arrays.copyOf(compressed, length);
      assertThatThrownBy(() -> inflate("gzip", cut, MAX_BYTES))
          .as("cut to %d", length)
          .isInstanceOf(IOException.class);
    }
    byte[] damaged = compressed.clone();
    damaged[compressed.length - 5] ^= 1;
    assertThatThrownBy(() -> inflate("gzip", damaged, MAX_BYTES)).hasMessageContaining("checksum");
    assertThatThrownBy(() -> inflate("deflate", random(100), MAX_BYTES))
        .isInstanceOf(IOException.class);
    byte[] endless = Arrays.copyOf(compressed, 100_000);
    endless[3] = 8; // A name without an end.
    Arrays.fill(endless, 10, endless.length, (byte) 'x');
    assertThatThrownBy(() -> inflate("gzip", endless, MAX_BYTES)).hasMessageContaining("header");
  }

  @Test
  void keepsStepsShortForAnyBody() throws IOException {
    // 0.35 s of work without any output, for a stream that reads on until there is some.
    byte[] blocks = emptyBlocks();
    Body body = new Body();
    body.append(Buffer.buffer(blocks), blocks.length);
    try (Inflation inflation = new Inflation("deflate", body, MAX_BYTES)) {
      long longest = 0;
      int steps = 0;
      boolean done = false;
      while (!done && steps < 1_000) {
        long from = System.nanoTime();
        done = inflation.step();
        steps++;
        longest = Math.max(longest, System.nanoTime() - from);
      }
      assertThat(done).isTrue();
      assertThat(inflation.bytes()).isEmpty();
      assertThat(steps).isGreaterThan(10);
      assertThat(longest).isLessThan(100_000_000);
    } finally {
      body.release();
    }
  }

  /**
   * Returns a deflate stream of blocks with dynamic codes (RFC 1951, 3.2.7) and no contents. Each
   * block has 12 bytes and takes about 500 ns to decode.
   */
  public static byte[] emptyBlocks() {
    BitSet bits = new BitSet();
    int length = 0;
    for (int block = 0; block < 8; block++) { // Eight blocks together are whole bytes.
      length = put(bits, length, 0, 1);
      length = put(bits, length, 2, 2);
      length = put(bits, length, 0, 10);
      length = put(bits, length, 14, 4);
      for (int symbol : new int[] {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1}) {
        length = put(bits, length, symbol == 1 || symbol == 18 ? 1 : 0, 3);
      }
      length = put(bits, length, 1, 1);
      length = put(bits, length, 138 - 11, 7);
      length = put(bits, length, 1, 1);
      length = put(bits, length, 118 - 11, 7);
      length = put(bits, length, 0, 3);
    }
    byte[] one = Arrays.copyOf(bits.toByteArray(), length / 8);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (all.size() < 7_900_000) {
      all.writeBytes(one);
    }
    all.writeBytes(new byte[] {3, 0}); // The last block.
    return all.toByteArray();
  }

  private static int put(BitSet bits, int at, int value, int count) {
    for (int i = 0; i < count; i++) {
      bits.set(at + i, (value >> i & 1) == 1);
    }
    return at + count;
  }
}
