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
 * Many connections of one client that send data repeatedly, as fast as the server reads it. A
 * closed connection is replaced by a new one.
 */
final class Crowd implements AutoCloseable {

  /** How many bytes one connection sends before the others have their turn. */
  private static final int TURN_BYTES = 64 << 10;

  private final String address;
  private final int port;
  private final ByteBuffer first;
  private final ByteBuffer again;
  private final boolean reads;
  private final boolean resets;
  private final Selector selector = Selector.open();
  private final Thread thread = new Thread(this::run, "crowd");
  private final ByteBuffer received = ByteBuffer.allocateDirect(64 << 10);

  private volatile boolean closed;
  private final AtomicLong bytesSent = new AtomicLong();
  private final AtomicLong connectionsMade = new AtomicLong();
  private volatile IOException failure;

  private static final class Peer {
    ByteBuffer data;

    Peer(ByteBuffer data) {
      this.data = data;
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

  /** Opens connections that send data repeatedly, and read the responses. */
  static Crowd sending(String address, int port, int connections, String data) throws IOException {
    byte[] bytes = bytes(data);
    return new Crowd(address, port, connections, bytes, bytes, true, false);
  }

  /** Opens connections that send bytes repeatedly, and read the responses. */
  static Crowd sending(String address, int port, int connections, byte[] data) throws IOException {
    return new Crowd(address, port, connections, data, data, true, false);
  }

  /** Opens connections that send data repeatedly, and never read. */
  static Crowd notReading(String address, int port, int connections, String data)
      throws IOException {
    byte[] bytes = bytes(data);
    return new Crowd(address, port, connections, bytes, bytes, false, false);
  }

  /** Opens connections that send some data once, and other data repeatedly. */
  static Crowd startingWith(String address, int port, int connections, String first, String again)
      throws IOException {
    return new Crowd(address, port, connections, bytes(first), bytes(again), true, false);
  }

  /** Opens connections that send data once, reset, and connect again. */
  static Crowd resetting(String address, int port, int connections, String data)
      throws IOException {
    return new Crowd(address, port, connections, bytes(data), new byte[0], false, true);
  }

  /** Opens connections that send data once, and wait. */
  static Crowd holding(String address, int port, int connections, String data) throws IOException {
    return new Crowd(address, port, connections, bytes(data), new byte[0], true, false);
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
        new Peer(first.duplicate()));
    connectionsMade.incrementAndGet();
  }

  private void run() {
    try {
      while (!closed) {
        selector.select(50);
        for (SelectionKey key : List.copyOf(selector.selectedKeys())) {
          if (key.isValid() && !advance(key)) {
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

  /** Reads and writes. Returns false if the connection has ended. */
  private boolean advance(SelectionKey key) {
    SocketChannel channel = (SocketChannel) key.channel();
    Peer peer = (Peer) key.attachment();
    try {
      if (key.isReadable()) {
        received.clear();
        if (channel.read(received) < 0) {
          return false;
        }
      }
      for (int turn = 0; key.isWritable() && turn < TURN_BYTES; ) {
        int taken = channel.write(peer.data);
        bytesSent.addAndGet(taken);
        turn += taken;
        if (peer.data.hasRemaining()) {
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
        peer.data = again.duplicate();
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns the number of bytes that were sent. */
  long bytesSent() {
    return bytesSent.get();
  }

  /** Returns the number of connections that were made. */
  long connectionsMade() {
    return connectionsMade.get();
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
