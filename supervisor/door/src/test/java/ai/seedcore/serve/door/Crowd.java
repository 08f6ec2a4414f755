package ai.seedcore.serve.door;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Many connections of one client that say something, again and again as fast as it is taken. Who is
 * cut off comes again.
 */
final class Crowd implements AutoCloseable {

  /** What one says at a time before others have their turn. */
  private static final int A_TURN = 64 << 10;

  private final String address;
  private final int port;
  private final ByteBuffer first;
  private final ByteBuffer again;
  private final boolean reads;
  private final boolean resets;
  private final Selector selector = Selector.open();
  private final Thread thread = new Thread(this::run, "crowd");
  private final ByteBuffer heard = ByteBuffer.allocateDirect(64 << 10);

  private volatile boolean closed;
  private final AtomicLong said = new AtomicLong();
  private final AtomicLong came = new AtomicLong();
  private volatile IOException failure;

  private static final class One {
    ByteBuffer words;

    One(ByteBuffer words) {
      this.words = words;
    }
  }

  private Crowd(
      String address,
      int port,
      int connections,
      byte[] first,
      byte[] again,
      boolean reads,
      boolean resets)
      throws IOException {
    this.address = address;
    this.port = port;
    this.first = direct(first);
    this.again = direct(again);
    this.reads = reads;
    this.resets = resets;
    for (int i = 0; i < connections; i++) {
      connect();
    }
    thread.setDaemon(true);
    thread.start();
  }

  /** They say it over and over, and read the answers. */
  static Crowd saying(String address, int port, int connections, String words) throws IOException {
    byte[] bytes = bytes(words);
    return new Crowd(address, port, connections, bytes, bytes, true, false);
  }

  /** The same, of bytes. */
  static Crowd saying(String address, int port, int connections, byte[] words) throws IOException {
    return new Crowd(address, port, connections, words, words, true, false);
  }

  /** They say it over and over, and read nothing. */
  static Crowd deaf(String address, int port, int connections, String words) throws IOException {
    byte[] bytes = bytes(words);
    return new Crowd(address, port, connections, bytes, bytes, false, false);
  }

  /** They say something, and then go on with something else. */
  static Crowd beginning(String address, int port, int connections, String first, String again)
      throws IOException {
    return new Crowd(address, port, connections, bytes(first), bytes(again), true, false);
  }

  /** They say it once, and reset their connections, which they make anew. */
  static Crowd resetting(String address, int port, int connections, String words)
      throws IOException {
    return new Crowd(address, port, connections, bytes(words), new byte[0], false, true);
  }

  /** They say it once, and wait. */
  static Crowd waiting(String address, int port, int connections, String words) throws IOException {
    return new Crowd(address, port, connections, bytes(words), new byte[0], true, false);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  private void connect() throws IOException {
    SocketChannel channel = SocketChannel.open();
    channel.bind(new InetSocketAddress(address, 0));
    channel.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    channel.configureBlocking(false);
    channel.register(
        selector,
        SelectionKey.OP_WRITE | (reads ? SelectionKey.OP_READ : 0),
        new One(first.duplicate()));
    came.incrementAndGet();
  }

  private void run() {
    try {
      while (!closed) {
        selector.select(50);
        for (SelectionKey key : List.copyOf(selector.selectedKeys())) {
          if (key.isValid() && !goesOn(key)) {
            key.cancel();
            key.channel().close();
            connect();
          }
        }
        selector.selectedKeys().clear();
      }
    } catch (IOException e) {
      failure = e;
    }
  }

  /** Says whether its connection is still of use. */
  private boolean goesOn(SelectionKey key) {
    SocketChannel channel = (SocketChannel) key.channel();
    One one = (One) key.attachment();
    try {
      if (key.isReadable()) {
        heard.clear();
        if (channel.read(heard) < 0) {
          return false;
        }
      }
      for (int turn = 0; key.isWritable() && turn < A_TURN; ) {
        int taken = channel.write(one.words);
        said.addAndGet(taken);
        turn += taken;
        if (one.words.hasRemaining()) {
          break;
        }
        if (resets) {
          channel.setOption(StandardSocketOptions.SO_LINGER, 0);
          return false;
        }
        if (again.limit() == 0) {
          key.interestOps(SelectionKey.OP_READ);
          break;
        }
        one.words = again.duplicate();
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** How many bytes were taken of what it has said. */
  long said() {
    return said.get();
  }

  /** How many connections it has made. */
  long came() {
    return came.get();
  }

  @Override
  public void close() throws Exception {
    closed = true;
    selector.wakeup();
    thread.join();
    List<SelectionKey> all = new ArrayList<>(selector.keys());
    for (SelectionKey key : all) {
      key.channel().close();
    }
    selector.close();
    if (failure != null) {
      throw failure;
    }
  }
}
