package ai.seedcore.serve.door.request;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.internal.buffer.BufferInternal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The buffered body of a request, in pieces that grow with it. A long body is copied once as it
 * arrives, and takes at most a quarter more memory than its bytes. Each holder has to release it.
 */
final class Body {

  /** Longer bodies are kept outside of the heap, which they would fill at once. */
  private static final int SHORT = 16 << 10;

  private final List<ByteBuf> pieces = new ArrayList<>(2);
  private int length;
  private int uses = 1;

  /**
   * Appends a copy of a part.
   *
   * @param whole the announced length of the body in bytes; Long.MAX_VALUE: unknown
   */
  void append(Buffer part, long whole) {
    ByteBuf from = ((BufferInternal) part).getByteBuf();
    while (from.isReadable()) {
      ByteBuf last = pieces.isEmpty() ? null : pieces.get(pieces.size() - 1);
      if (last == null || !last.isWritable()) {
        int more = from.readableBytes();
        int size = (int) Math.max(more, Math.min(length / 4, whole - length));
        last =
            whole > SHORT
                ? UnpooledByteBufAllocator.DEFAULT.directBuffer(size, size)
                : Unpooled.buffer(size, size);
        pieces.add(last);
      }
      int copied = Math.min(from.readableBytes(), last.writableBytes());
      last.writeBytes(from, copied);
      length += copied;
    }
  }

  /** Returns the length in bytes. */
  int length() {
    return length;
  }

  /** Returns whether the body is valid UTF-8. (Netty's own check takes 25 times as long.) */
  boolean isUtf8() {
    ByteString whole = ByteString.EMPTY;
    for (ByteBuf piece : pieces) {
      whole = whole.concat(UnsafeByteOperations.unsafeWrap(piece.nioBuffer()));
    }
    return whole.isValidUtf8();
  }

  /** Returns the byte at an index, 0 to 255. */
  int at(int index) {
    return whole().getUnsignedByte(index);
  }

  /** Returns a range of bytes, which are copied only if they span several pieces. */
  ByteBuffer nioBuffer(int from, int bytes) {
    return whole().nioBuffer(from, bytes);
  }

  /** Adds a holder, which has to release the body, too. */
  void retain() {
    uses++;
  }

  /** Writes a range without copying it. The body is retained until the write completes. */
  void write(HttpClientRequest to, int from, int until) {
    to.write(lend(from, until)).onComplete(written -> release());
  }

  /** Writes the rest of the body, and ends the request. */
  Future<Void> end(HttpClientRequest to, int from) {
    return to.end(lend(from, length)).onComplete(written -> release());
  }

  private Buffer lend(int from, int until) {
    uses++;
    ByteBuf part = whole().slice(from, until - from);
    // The body releases the part itself: a write that never happens would not release it.
    return BufferInternal.buffer(Unpooled.unreleasableBuffer(part));
  }

  /** Removes a holder. The last one frees the memory. */
  void release() {
    uses--;
    if (uses == 0) {
      pieces.forEach(ByteBuf::release);
      pieces.clear();
    }
  }

  private ByteBuf whole() {
    return pieces.size() == 1
        ? pieces.get(0).duplicate()
        : Unpooled.wrappedBuffer(Math.max(1, pieces.size()), pieces.toArray(ByteBuf[]::new));
  }
}
