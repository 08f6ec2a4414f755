package ai.seedcore.serve.daemon.direct;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.observe.ReplicaName;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.door.upstream.Replica.Endpoint;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Lists the replicas of the declared applications for the front door, from the GCS's table of
 * actors. It also creates the key with which replicas prove their identity to front doors; only
 * members of the cluster can read it, and the dashboard does not show it.
 *
 * <p>Serve's autoscaler counts only requests that go through handles. So the directory reports how
 * many requests the front door holds or has sent to replicas, in a key that the controller reads if
 * this daemon has completed it. Another controller would not count them, so that applications with
 * autoscaling are then left to the proxies.
 *
 * <p>It is apart from the control loop, because it changes nothing that is served, and because the
 * front door needs it most while the loop is busy. While the GCS does not respond, the last list
 * stays in effect.
 */
public final class ReplicaDirectory {

  private static final Logger LOG = LoggerFactory.getLogger(ReplicaDirectory.class);

  private static final String NAMESPACE = "seedcore";
  private static final String KEY = "direct_path_key";
  private static final int KEY_BYTES = 32;

  /** The id of the controller that counts reported requests. */
  private static final String COUNTS_LOAD = "controller_counts_load";

  private static final String LOAD = "load/";

  private static final String SERVE = "serve";
  private static final String CONTROLLER = "SERVE_CONTROLLER_ACTOR";

  private static final int FIRST_PORT = 20_000;
  private static final int PORTS = 10_000;
  private static final int TRIES = 4;

  private final Gcs gcs;
  private final Consumer<Listing> publish;
  private final AtomicBoolean asking = new AtomicBoolean();
  private final String name;
  private final Supplier<Map<String, Integer>> load;
  private volatile Set<String> declared = Set.of();
  private volatile Set<String> scaled = Set.of();
  private volatile Set<String> toZero = Set.of();
  private volatile boolean loadCounts;
  private volatile boolean apart;
  private long lastReport;
  private Listing published = new Listing("", List.of(), Versions.NONE);

  /**
   * What front doors need to know.
   *
   * @param key the key with which replicas prove their identity
   * @param replicas the replicas of the declared applications
   * @param versions the versions that the cluster has recorded
   */
  public record Listing(String key, List<Endpoint> replicas, Versions versions) {}

  /**
   * Creates a directory.
   *
   * @param name the name of the front door, unique in the cluster
   * @param load returns the number of requests, by application
   * @param publish receives the listing when it has changed
   */
  public ReplicaDirectory(
      Gcs gcs, String name, Supplier<Map<String, Integer>> load, Consumer<Listing> publish) {
    this.gcs = gcs;
    this.name = name;
    this.load = load;
    this.publish = publish;
  }

  /** Sets the declared applications. Called on any thread. */
  public void declare(List<DeclaredApplication> applications) {
    // Only Java replicas have the agent, which listens for the front door.
    List<DeclaredJava> java =
        applications.stream()
            .filter(DeclaredJava.class::isInstance)
            .map(DeclaredJava.class::cast)
            .toList();
    declared = names(java.stream());
    scaled = names(java.stream().filter(each -> each.scaling() != null));
    toZero = names(java.stream().filter(DeclaredJava::scalesToZero));
  }

  private static Set<String> names(Stream<DeclaredJava> applications) {
    return applications.map(DeclaredJava::name).collect(Collectors.toSet());
  }

  /**
   * Returns the applications that may have no replica, and for which the reported load starts one.
   */
  public Set<String> scaledToZero() {
    return loadCounts ? toZero : Set.of();
  }

  /** Reports beside another process, whose front door has the same name. */
  public void reportApart() {
    apart = true;
  }

  /** Reads the list again, unless the last reading has not ended. Never blocks. */
  public void poll() {
    if (!asking.compareAndSet(false, true)) {
      return;
    }
    if (!scaled.isEmpty()) {
      report();
    }
    var unused =
        key()
            .thenCombine(
                replicas().thenCombine(versions(), (all, some) -> new Listing("", all, some)),
                (key, rest) -> new Listing(key, rest.replicas(), rest.versions()))
            .whenComplete(
                (listing, error) -> {
                  if (error == null) {
                    publish(listing);
                  } else {
                    LOG.debug("the replicas cannot be listed: GCS {}", GcsFailure.reason(error));
                  }
                  asking.set(false);
                });
  }

  private synchronized void publish(Listing now) {
    if (!now.key().isEmpty() && !now.equals(published)) {
      published = now;
      publish.accept(now);
    }
  }

  private CompletableFuture<Versions> versions() {
    return gcs.get(Versions.NAMESPACE, Versions.KEY)
        .thenApply(text -> text.map(Versions::parse).orElse(Versions.NONE));
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

  /** Reports the requests; each time with another number, which shows that the report is new. */
  private void report() {
    ObjectNode report = JsonMapper.shared().createObjectNode();
    report.put("report", ++lastReport);
    ObjectNode requests = report.putObject("requests");
    load.get().forEach(requests::put);
    byte[] text = report.toString().getBytes(StandardCharsets.UTF_8);
    var unused =
        gcs.put(NAMESPACE, LOAD + name + (apart ? " before" : ""), text, true)
            .exceptionally(
                error -> {
                  LOG.debug("the load cannot be reported: GCS {}", GcsFailure.reason(error));
                  return false;
                });
  }

  private CompletableFuture<List<Endpoint>> replicas() {
    CompletableFuture<Optional<String>> counting = gcs.get(NAMESPACE, COUNTS_LOAD);
    return gcs.actor(SERVE, CONTROLLER)
        .thenCompose(
            controller ->
                controller.isEmpty()
                    ? CompletableFuture.completedFuture(List.of())
                    : gcs.actorsOfSameJob(controller.get())
                        .thenCombine(
                            counting,
                            (actors, counts) -> endpoints(actors, counts.equals(controller))));
  }

  private List<Endpoint> endpoints(List<Gcs.Actor> actors, boolean controllerCounts) {
    loadCounts = controllerCounts;
    List<Endpoint> endpoints = new ArrayList<>();
    for (Gcs.Actor actor : actors) {
      String app = ReplicaName.app(actor);
      if (app != null
          && actor.port() > 0
          && declared.contains(app)
          && (controllerCounts || !scaled.contains(app))) {
        endpoints.add(
            new Endpoint(actor.id(), app, Foreign.name(actor.host()), ports(actor.port())));
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
