package ai.seedcore.serve.base.http;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;

/** What tests ask of a socket. */
public final class Sockets {

  private Sockets() {}

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
