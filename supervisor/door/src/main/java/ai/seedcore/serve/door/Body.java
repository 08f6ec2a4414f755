package ai.seedcore.serve.door;

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
 * A request's body that is kept, in pieces that grow with it: a long one is copied once as it
 * comes, and none takes more than a quarter more room than its bytes. Whoever has one releases it.
 */
final class Body {

  /** Longer bodies stand outside of the heap, which would be full of them at once. */
  private static final int SHORT = 16 << 10;

  private final List<ByteBuf> pieces = new ArrayList<>(2);
  private int length;
  private int uses = 1;

  /**
   * Copies a part to the end.
   *
   * @param whole how long the body says it is, in bytes; Long.MAX_VALUE: it does not
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

  /** In bytes. */
  int length() {
    return length;
  }

  /** Whether it is text. (Netty's own check takes 25 times as long.) */
  boolean isUtf8() {
    ByteString whole = ByteString.EMPTY;
    for (ByteBuf piece : pieces) {
      whole = whole.concat(UnsafeByteOperations.unsafeWrap(piece.nioBuffer()));
    }
    return whole.isValidUtf8();
  }

  /** The byte at an index, 0 to 255. */
  int at(int index) {
    return whole().getUnsignedByte(index);
  }

  /** Some bytes, which are copied only where they are not in one piece. */
  ByteBuffer nioBuffer(int from, int bytes) {
    return whole().nioBuffer(from, bytes);
  }

  /** One more has it, who releases it, too. */
  void retain() {
    uses++;
  }

  /** Writes a part of it, not copied: it is there until that is written. */
  void write(HttpClientRequest to, int from, int until) {
    to.write(lend(from, until)).onComplete(written -> release());
  }

  /** Writes the rest of it, and the request's end. */
  Future<Void> end(HttpClientRequest to, int from) {
    return to.end(lend(from, length)).onComplete(written -> release());
  }

  private Buffer lend(int from, int until) {
    uses++;
    ByteBuf part = whole().slice(from, until - from);
    // It is ours to release: who does not write it in the end does not do so.
    return BufferInternal.buffer(Unpooled.unreleasableBuffer(part));
  }

  /** It is of no more use to one who had one. */
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
