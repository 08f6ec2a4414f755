package ai.seedcore.serve.base.http;

import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** What tests ask of a socket. */
public final class Sockets {

  /** The first port above those that Linux gives to clients and to servers that ask for any. */
  private static final int FIRST = 61_000;

  private static final int COUNT = 65_536 - FIRST;

  /** Starts anywhere, so that test processes at the same time rarely try the same ports. */
  private static final AtomicInteger TRIED =
      new AtomicInteger(ThreadLocalRandom.current().nextInt(COUNT));

  private Sockets() {}

  /**
   * Returns a port that a server can listen on, now and after it has stopped for a while: no other
   * socket gets it by chance meanwhile, and this process does not return it again soon.
   */
  public static int freePort() throws IOException {
    for (int i = 0; i < COUNT; i++) {
      int port = FIRST + TRIED.getAndIncrement() % COUNT;
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getByName("0.0.0.0"))) {
        return socket.getLocalPort();
      } catch (BindException e) {
        // It is in use: try the next one.
      }
    }
    throw new BindException("no free port from " + FIRST + " on");
  }

  /** Reads to the end, and returns whether the peer closes before the socket's timeout. */
  public static boolean isClosed(Socket socket) throws IOException {
    try {
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (SocketException e) {
      return true;
    }
  }
}
