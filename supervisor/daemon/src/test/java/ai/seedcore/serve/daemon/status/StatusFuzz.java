package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.fuzz.Faults;
import ai.seedcore.serve.base.fuzz.Talk;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Sockets;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/** Any bytes, sent to the status port. */
public final class StatusFuzz {

  private static Talk talk;
  private static StatusServer server;

  private StatusFuzz() {}

  private static synchronized void start() throws IOException {
    if (talk != null) {
      return;
    }
    int port = Sockets.freePort();
    server =
        new StatusServer(
            EventLoop.start(),
            new HostPort("127.0.0.1", port),
            new StatusToken(null, Map.of()),
            type -> "a_metric 1\n",
            Optional::empty);
    server.listen();
    server.publish(Statuses.serving());
    talk = new Talk(port, "GET /readyz/A HTTP/1.1\r\nHost: localhost\r\n\r\n");
    Faults.look();
  }

  /** One input. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    start();
    server.publish(Statuses.serving());
    talk.say(input);
    Faults.none();
  }
}
