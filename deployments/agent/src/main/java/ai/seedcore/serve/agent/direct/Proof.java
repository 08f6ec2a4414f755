package ai.seedcore.serve.agent.direct;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Message authentication between the front door and a replica: HMAC-SHA-256 (RFC 2104) in
 * hexadecimal, with a key that only members of the cluster can read.
 *
 * <p>It does not use {@code javax.crypto}, whose first use takes a tenth of a second.
 */
final class Proof {

  private static final int BLOCK_BYTES = 64;
  private static final byte INNER_PAD = 0x36;
  private static final byte OUTER_PAD = 0x5c;

  private Proof() {}

  /**
   * Returns the code of a message.
   *
   * @param key at most 64 characters
   */
  static String of(String key, String message) {
    byte[] inner = hash(pad(key, INNER_PAD), message.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(hash(pad(key, OUTER_PAD), inner));
  }

  private static byte[] pad(String key, byte pad) {
    byte[] block = Arrays.copyOf(key.getBytes(StandardCharsets.UTF_8), BLOCK_BYTES);
    for (int i = 0; i < block.length; i++) {
      block[i] ^= pad;
    }
    return block;
  }

  private static byte[] hash(byte[] first, byte[] second) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(first);
      return digest.digest(second);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every JVM has SHA-256.
    }
  }
}
