package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.Host;
import java.io.IOException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the direct path of this JVM's replica. Patched Ray classes call it. A failure leaves the
 * replica as it would be without: Serve's proxy serves it.
 */
public final class DirectPath {

  /** The key in the GCS that holds the cluster's key for the direct path. */
  private static final String NAMESPACE = "seedcore";

  private static final String KEY = "direct_path_key";

  /** The environment variable with the content version of the deployment. */
  private static final String VERSION = "SEEDCORE_VERSION";

  /** How often the key is looked up; a front door may be added later. */
  private static final long FIRST_WAIT_MS = 200;

  private static final long LONGEST_WAIT_MS = 10_000;

  private static final int FIRST_PORT = 20_000;
  private static final int PORTS = 10_000;
  private static final int TRIES = 4;

  private static @Nullable Object attached;
  private static @Nullable ReplicaServer server;
  private static boolean opened;
  private static boolean draining;

  private DirectPath() {}

  /** Sets this JVM's replica. */
  public static synchronized void attach(Object replica) {
    attached = replica;
  }

  /**
   * Opens the path in the background, with the first call. Called once the replica is healthy:
   * before, a front door would prefer a replica that answers every request with an error at once.
   */
  public static synchronized void open() {
    Object replica = attached;
    if (opened || replica == null) {
      return;
    }
    opened = true;
    Thread thread = new Thread(() -> listen(replica), "seedcore-direct");
    thread.setDaemon(true);
    thread.start();
  }

  /** Announces that the replica stops. */
  public static synchronized void drain() {
    draining = true;
    if (server != null) {
      server.drain();
    }
  }

  private static void listen(Object replica) {
    Logger log = LoggerFactory.getLogger(DirectPath.class);
    try {
      if (!(Ray.callable(replica) instanceof Host host)) {
        return; // A deployment that somebody else submitted.
      }
      Ray ray = Ray.current();
      String version = System.getenv(VERSION);
      ReplicaServer opening =
          new ReplicaServer(
              new Replica(
                  ray.actorId(),
                  version == null ? "" : version,
                  Ray.ongoing(replica),
                  host,
                  key(ray)),
              ray.host());
      for (int port : ports(ray.port())) {
        try {
          int unused = opening.listen(port);
          log.info("the direct path is open on {}:{}", ray.host(), port);
          adopt(opening);
          return;
        } catch (IOException e) {
          log.warn("the direct path cannot listen on {}:{}: {}", ray.host(), port, e.getMessage());
        }
      }
      opening.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ReflectiveOperationException
        | UnknownHostException
        | RuntimeException
        | LinkageError e) {
      log.warn("the direct path is not available; the proxy serves this replica", e);
    }
  }

  private static synchronized void adopt(ReplicaServer opening) {
    server = opening;
    if (draining) {
      opening.drain();
    }
  }

  private static String key(Ray ray) throws ReflectiveOperationException, InterruptedException {
    long wait = FIRST_WAIT_MS;
    while (true) {
      String key = ray.value(NAMESPACE, KEY);
      if (key != null && !key.isEmpty()) {
        return key;
      }
      Thread.sleep(wait);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    }
  }

  /**
   * Returns the ports to try, in their order. The front door derives them from the worker's port in
   * the same way. They are outside of the usual ranges of Ray's workers and of the kernel's
   * ephemeral ports.
   */
  static List<Integer> ports(int workerPort) {
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < TRIES; i++) {
      ports.add(FIRST_PORT + (workerPort + i * (PORTS / TRIES)) % PORTS);
    }
    return ports;
  }
}
