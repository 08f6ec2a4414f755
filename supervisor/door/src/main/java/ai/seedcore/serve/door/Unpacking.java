package ai.seedcore.serve.door;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.buffer.Buffer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;

/** Unpacks bodies, beside the event loop and one at a time. */
final class Unpacking {

  /** What is understood (RFC 9110, 8.4.1). */
  private static final Set<String> CODINGS = Set.of("gzip", "x-gzip", "deflate");

  private final WorkerExecutor worker;

  Unpacking(Vertx vertx) {
    worker = vertx.createSharedWorkerExecutor("unpacking", 1);
  }

  /** Whether that is a coding that can be unpacked. */
  static boolean knows(String coding) {
    return CODINGS.contains(coding.strip().toLowerCase(Locale.ROOT));
  }

  /** It is longer than a body may be. */
  static final class TooLong extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** The body; fails with {@link TooLong}, or with another exception where it is not packed so. */
  Future<Buffer> unpack(String coding, byte[] packed, int most) {
    boolean zlib = coding.strip().equalsIgnoreCase("deflate");
    return worker.executeBlocking(() -> Buffer.buffer(unpack(zlib, packed, most)), false);
  }

  private static byte[] unpack(boolean zlib, byte[] packed, int most) throws IOException {
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    InputStream bytes = new ByteArrayInputStream(packed);
    try (InputStream from = zlib ? inflated(bytes, packed) : new GZIPInputStream(bytes)) {
      byte[] part = new byte[8192];
      for (int n = from.read(part); n >= 0; n = from.read(part)) {
        if (whole.size() + n > most) {
          throw new TooLong();
        }
        whole.write(part, 0, n);
      }
    }
    return whole.toByteArray();
  }

  /** A zlib header is a multiple of 31 (RFC 1950); some send what is deflated without one. */
  private static InputStream inflated(InputStream bytes, byte[] packed) {
    boolean bare = packed.length < 2 || ((packed[0] & 0xff) << 8 | (packed[1] & 0xff)) % 31 != 0;
    return new InflaterInputStream(bytes, new Inflater(bare)) {
      @Override
      public void close() throws IOException {
        super.close();
        inf.end(); // As it was handed in.
      }
    };
  }
}
