package ai.seedcore.serve.door.request;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Locale;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Decompresses one body (gzip, RFC 1952; zlib, RFC 1950; raw deflate, RFC 1951) in short steps, so
 * that many bodies can take turns on one thread. The JDK's streams read on until there is output,
 * and some bodies never have any.
 */
final class Inflation implements AutoCloseable {

  /** The supported content codings (RFC 9110, 8.4.1). */
  private static final Set<String> CODINGS = Set.of("gzip", "x-gzip", "deflate");

  private static final long STEP_NANOS = 4_000_000;
  private static final int INPUT = 16 << 10;
  private static final int OUTPUT = 16 << 10;

  // The header of a gzip member.
  private static final int HEADER = 10;
  private static final int MAX_HEADER = 4 << 10;
  private static final int TRAILER = 8;
  private static final int HEADER_CRC = 2;
  private static final int EXTRA = 4;
  private static final int NAME = 8;
  private static final int COMMENT = 16;

  private final Body compressed;
  private final boolean gzip;
  private final int maxBytes;
  private final Inflater inflater;
  private final CRC32 crc = new CRC32();
  private final ByteArrayOutputStream whole = new ByteArrayOutputStream();
  private final byte[] part = new byte[OUTPUT];
  private int at;
  private boolean inMember;

  /** Thrown if a decompressed body exceeds its limit. */
  static final class TooLong extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Starts the decompression of a body.
   *
   * @param maxBytes the limit for the decompressed body, in bytes
   */
  Inflation(String coding, Body compressed, int maxBytes) {
    this.compressed = compressed;
    this.maxBytes = maxBytes;
    this.gzip = !coding.strip().equalsIgnoreCase("deflate");
    this.inflater = new Inflater(gzip || isBare(compressed));
  }

  /** Returns whether a content coding is supported. */
  static boolean isSupported(String coding) {
    return CODINGS.contains(coding.strip().toLowerCase(Locale.ROOT));
  }

  /**
   * Returns whether the zlib header, a multiple of 31, is missing. Some clients send deflate
   * without it.
   */
  private static boolean isBare(Body compressed) {
    return compressed.length() < 2 || (compressed.at(0) << 8 | compressed.at(1)) % 31 != 0;
  }

  /**
   * Decompresses for some milliseconds.
   *
   * @return whether the body is complete
   * @throws TooLong if the decompressed body exceeds its limit
   * @throws IOException if the format is invalid, or the body incomplete
   */
  boolean step() throws IOException {
    long until = System.nanoTime() + STEP_NANOS;
    do {
      if (advance()) {
        return true;
      }
    } while (System.nanoTime() < until);
    return false;
  }

  private boolean advance() throws IOException {
    if (!inMember) {
      begin();
    }
    if (inflater.needsInput()) {
      int more = Math.min(INPUT, compressed.length() - at);
      if (more == 0) {
        throw new EOFException("the body is incomplete");
      }
      inflater.setInput(compressed.nioBuffer(at, more));
      at += more;
    }
    int read;
    try {
      read = inflater.inflate(part);
    } catch (DataFormatException e) {
      throw new ZipException(e.getMessage());
    }
    if (inflater.needsDictionary()) {
      throw new ZipException("a dictionary is needed");
    }
    if (whole.size() + read > maxBytes) {
      throw new TooLong();
    }
    whole.write(part, 0, read);
    crc.update(part, 0, read);
    if (!inflater.finished()) {
      return false;
    }
    at -= inflater.getRemaining();
    return !gzip || end();
  }

  private void begin() throws IOException {
    inMember = true;
    if (!gzip) {
      return;
    }
    if (!isMember()) {
      throw new ZipException("found no gzip");
    }
    int flags = next(at + 3);
    int after = at + HEADER;
    if ((flags & EXTRA) != 0) {
      after += 2 + (next(after) | next(after + 1) << 8);
    }
    for (int text : new int[] {NAME, COMMENT}) {
      if ((flags & text) != 0) {
        while (next(after++) != 0) {
          if (after - at > MAX_HEADER) {
            throw new ZipException("the header is too long");
          }
        }
      }
    }
    at = (flags & HEADER_CRC) != 0 ? after + 2 : after;
    if (at > compressed.length()) {
      throw new EOFException("the body is incomplete");
    }
  }

  private boolean isMember() {
    return compressed.length() - at >= HEADER
        && compressed.at(at) == 0x1f
        && compressed.at(at + 1) == 0x8b
        && compressed.at(at + 2) == 8;
  }

  /** Checks the trailer of a member. Returns whether it was the last member. */
  private boolean end() throws IOException {
    if (number(at) != crc.getValue()
        || number(at + 4) != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new ZipException("the checksum differs");
    }
    at += TRAILER;
    crc.reset();
    inflater.reset();
    inMember = false;
    return !isMember(); // Trailing bytes are ignored, as by the JDK and gzip.
  }

  private long number(int index) throws IOException {
    return next(index)
        | next(index + 1) << 8
        | next(index + 2) << 16
        | (long) next(index + 3) << 24;
  }

  private int next(int index) throws IOException {
    if (index >= compressed.length()) {
      throw new EOFException("the body is incomplete");
    }
    return compressed.at(index);
  }

  /** Returns the number of decompressed bytes so far. */
  int size() {
    return whole.size();
  }

  /** Returns the decompressed bytes. */
  byte[] bytes() {
    return whole.toByteArray();
  }

  @Override
  public void close() {
    inflater.end();
  }
}
