package ai.seedcore.serve.daemon.direct;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.door.upstream.Replica.Endpoint;
import ai.seedcore.serve.gcs.Gcs;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lists the replicas of the declared applications for the front door, from the GCS's table of
 * actors. It also creates the key with which replicas prove their identity to front doors; only
 * members of the cluster can read it, and the dashboard does not show it.
 *
 * <p>It is apart from the control loop, because it only reads, and because the front door needs it
 * most while the loop is busy. While the GCS does not respond, the last list stays in effect.
 */
public final class ReplicaDirectory {

  private static final Logger LOG = LoggerFactory.getLogger(ReplicaDirectory.class);

  private static final String NAMESPACE = "seedcore";
  private static final String KEY = "direct_path_key";
  private static final int KEY_BYTES = 32;

  private static final String SERVE = "serve";
  private static final String CONTROLLER = "SERVE_CONTROLLER_ACTOR";
  private static final String REPLICA = "SERVE_REPLICA::";

  private static final int FIRST_PORT = 20_000;
  private static final int PORTS = 10_000;
  private static final int TRIES = 4;

  private final Gcs gcs;
  private final BiConsumer<String, List<Endpoint>> publish;
  private final AtomicBoolean asking = new AtomicBoolean();
  private volatile Set<String> declared = Set.of();
  private Listing published = new Listing("", List.of());

  private record Listing(String key, List<Endpoint> replicas) {}

  /**
   * Creates a directory.
   *
   * @param publish receives the key and the replicas when they have changed
   */
  public ReplicaDirectory(Gcs gcs, BiConsumer<String, List<Endpoint>> publish) {
    this.gcs = gcs;
    this.publish = publish;
  }

  /** Sets the names of the declared applications. Called on any thread. */
  public void declare(Set<String> applications) {
    declared = applications;
  }

  /** Reads the list again, unless the last reading has not ended. Never blocks. */
  public void poll() {
    if (!asking.compareAndSet(false, true)) {
      return;
    }
    var unused =
        key()
            .thenCombine(replicas(), Listing::new)
            .whenComplete(
                (listing, error) -> {
                  if (error == null) {
                    publish(listing);
                  } else {
                    LOG.debug("the replicas cannot be listed: GCS {}", Gcs.reason(error));
                  }
                  asking.set(false);
                });
  }

  private synchronized void publish(Listing now) {
    if (!now.equals(published)) {
      published = now;
      publish.accept(now.key(), now.replicas());
    }
  }

  private CompletableFuture<String> key() {
    return gcs.get(NAMESPACE, KEY)
        .thenCompose(
            known ->
                known.isPresent()
                    ? CompletableFuture.completedFuture(known.get())
                    : gcs.put(NAMESPACE, KEY, newKey(), false)
                        // Another daemon may have been faster.
                        .thenCompose(added -> gcs.get(NAMESPACE, KEY))
                        .thenApply(created -> created.orElse("")));
  }

  private static byte[] newKey() {
    byte[] key = new byte[KEY_BYTES];
    new SecureRandom().nextBytes(key);
    return HexFormat.of().formatHex(key).getBytes(StandardCharsets.US_ASCII);
  }

  private CompletableFuture<List<Endpoint>> replicas() {
    return gcs.actor(SERVE, CONTROLLER)
        .thenCompose(
            controller ->
                controller.isPresent()
                    ? gcs.actorsOfSameJob(controller.get())
                    : CompletableFuture.completedFuture(List.of()))
        .thenApply(this::endpoints);
  }

  private List<Endpoint> endpoints(List<Gcs.Actor> actors) {
    List<Endpoint> endpoints = new ArrayList<>();
    for (Gcs.Actor actor : actors) {
      int end = actor.name().indexOf('#');
      if (actor.namespace().equals(SERVE) && actor.name().startsWith(REPLICA) && end > 0) {
        String app = actor.name().substring(REPLICA.length(), end);
        if (declared.contains(app) && actor.port() > 0) {
          endpoints.add(
              new Endpoint(actor.id(), app, Foreign.name(actor.host()), ports(actor.port())));
        }
      }
    }
    return endpoints;
  }

  /**
   * Returns the ports at which a replica may listen. The agent in the replica derives them from its
   * worker's port in the same way.
   */
  static List<Integer> ports(int workerPort) {
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < TRIES; i++) {
      ports.add(FIRST_PORT + (workerPort + i * (PORTS / TRIES)) % PORTS);
    }
    return ports;
  }
}
