package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.http.Http;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The replicas of the declared applications that accept requests without a proxy: the direct path.
 *
 * <p>The cluster reports where a replica should listen. Before it gets a request, it has to prove
 * that it is that replica: it answers a nonce with an HMAC whose key only the cluster's members can
 * read. It is asked again once a second, which also shows that it responds.
 */
public final class Replicas {

  private static final Logger LOG = LoggerFactory.getLogger(Replicas.class);

  /** A replica that does not respond for so long gets no further requests until it does. */
  private static final Duration DEADLINE = Duration.ofSeconds(1);

  private static final long READY_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long STARTING_NANOS = Duration.ofMillis(100).toNanos();
  private static final long UNREACHABLE_NANOS = Duration.ofSeconds(2).toNanos();

  /** After how many failed queries a replica is asked less often, as it may never be reachable. */
  private static final int PATIENT_QUERIES = 100;

  private static final int NONCE_BYTES = 16;

  /**
   * When a replica that has never proved its identity counts as out of reach, and when the requests
   * of one that has left the cluster count as lost.
   */
  private static final long OUT_OF_REACH_NANOS = Duration.ofSeconds(10).toNanos();

  private static final long GONE_NANOS = Duration.ofSeconds(5).toNanos();

  private final Context context;
  private final Http http;
  private final Runnable changed;
  private final SecureRandom random = new SecureRandom();

  /** By actor. */
  private final Map<String, Candidate> candidates = new LinkedHashMap<>();

  /** The same, by application. */
  private final Map<String, List<Candidate>> byApp = new HashMap<>();

  private final Deque<Gone> gone = new ArrayDeque<>();
  private String key = "";

  /** The content versions that get no clients' requests, by application. */
  private Map<String, String> onTrial = Map.of();

  /** Where the next search for a replica begins. */
  private int turn;

  /** A replica that has left the cluster. Its machine may have vanished without a sign. */
  private record Gone(Replica replica, long at) {}

  /** A reported replica: one of its ports, and what is known there. */
  private static final class Candidate {
    private final Replica.Endpoint endpoint;
    private final long listedAt = System.nanoTime();
    private Replica replica;
    private boolean everProved;
    private int port;
    private int failures;

    Candidate(Replica.Endpoint endpoint, String credential) {
      this.endpoint = endpoint;
      this.replica = new Replica(endpoint, endpoint.ports().get(0), credential);
    }

    boolean isOutOfReach(long now) {
      return !everProved && now - listedAt > OUT_OF_REACH_NANOS;
    }

    /** Tries the next port. */
    void next() {
      port = (port + 1) % endpoint.ports().size();
      replica = new Replica(endpoint, endpoint.ports().get(port), replica.credential());
    }
  }

  /**
   * Creates an empty list.
   *
   * @param changed called when one more replica is ready
   */
  public Replicas(Vertx vertx, Context context, Runnable changed) {
    this.context = context;
    this.http = new Http(vertx);
    this.changed = changed;
  }

  /**
   * Replaces the list of replicas.
   *
   * @param sharedKey the key with which replicas prove their identity
   */
  public void set(String sharedKey, Collection<Replica.Endpoint> endpoints) {
    if (!sharedKey.equals(key)) {
      candidates.values().forEach(this::remove);
      candidates.clear();
      key = sharedKey;
    }
    Map<String, Candidate> next = new LinkedHashMap<>();
    for (Replica.Endpoint endpoint : endpoints) {
      Candidate known = candidates.get(endpoint.actor());
      if (known != null && known.endpoint.equals(endpoint)) {
        candidates.remove(endpoint.actor());
        next.put(endpoint.actor(), known);
      } else {
        next.put(endpoint.actor(), new Candidate(endpoint, hmac("door\n" + endpoint.actor())));
      }
    }
    candidates.values().forEach(this::remove);
    candidates.clear();
    candidates.putAll(next);
    byApp.clear();
    for (Candidate candidate : next.values()) {
      byApp.computeIfAbsent(candidate.endpoint.app(), app -> new ArrayList<>()).add(candidate);
    }
  }

  /**
   * Sets the versions on trial, whose replicas get no clients' requests.
   *
   * @param versions content versions, by application
   */
  public void trials(Map<String, String> versions) {
    if (!versions.equals(onTrial)) {
      onTrial = Map.copyOf(versions);
      changed.run();
    }
  }

  /** Returns a replica of the version on trial; null if there is none that responds. */
  public @Nullable Replica onTrial(String app) {
    for (Candidate candidate : of(app)) {
      if (candidate.replica.isReady() && isOnTrial(candidate.replica)) {
        return candidate.replica;
      }
    }
    return null;
  }

  private boolean isOnTrial(Replica replica) {
    return replica.version().equals(onTrial.get(replica.endpoint().app()));
  }

  private List<Candidate> of(String app) {
    return byApp.getOrDefault(app, List.of());
  }

  private void remove(Candidate candidate) {
    candidate.replica.markRemoved();
    gone.add(new Gone(candidate.replica, System.nanoTime()));
  }

  /** Asks the replicas that are due, and gives up those that have gone. */
  public void ask(long now) {
    while (!gone.isEmpty() && now - gone.element().at() > GONE_NANOS) {
      gone.remove().replica().reportLoss("the replica has left the cluster");
    }
    for (Candidate candidate : candidates.values()) {
      if (candidate.replica.isDue(now)) {
        ask(candidate, candidate.replica);
      }
    }
  }

  private void ask(Candidate candidate, Replica replica) {
    replica.markAsked();
    byte[] bytes = new byte[NONCE_BYTES];
    random.nextBytes(bytes);
    String nonce = HexFormat.of().formatHex(bytes);
    Future.fromCompletionStage(http.get(replica.uri() + "/-/seedcore?" + nonce, DEADLINE), context)
        .onComplete(
            response -> {
              if (candidate.replica == replica) {
                onResponse(candidate, replica, nonce, response.result());
              }
            });
  }

  private void onResponse(
      Candidate candidate, Replica replica, String nonce, Http.@Nullable Answer response) {
    long now = System.nanoTime();
    boolean wasReady = replica.isReady();
    boolean proved =
        response != null && response.status() == 200 && prove(replica, nonce, response.body());
    if (proved) {
      candidate.failures = 0;
      candidate.everProved = true;
      replica.scheduleQuery(now + READY_NANOS);
      if (!wasReady) {
        changed.run();
      }
      return;
    }
    candidate.failures++;
    if (wasReady) {
      replica.doubt("the replica does not respond");
    } else if (replica.inFlight().isEmpty()) {
      candidate.next();
    }
    candidate.replica.scheduleQuery(
        now + (candidate.failures < PATIENT_QUERIES ? STARTING_NANOS : UNREACHABLE_NANOS));
  }

  private boolean prove(Replica replica, String nonce, String body) {
    try {
      JsonNode identity = JsonMapper.shared().readTree(body);
      String actor = identity.path("actor").asString("");
      String version = identity.path("version").asString("");
      byte[] proof = identity.path("proof").asString("").getBytes(StandardCharsets.US_ASCII);
      byte[] expected =
          hmac(String.join(
                  "\n",
                  "replica",
                  nonce,
                  replica.endpoint().actor(),
                  version,
                  replica.address() + ":" + replica.named().port()))
              .getBytes(StandardCharsets.US_ASCII);
      if (!actor.equals(replica.endpoint().actor()) || !MessageDigest.isEqual(proof, expected)) {
        return false;
      }
      replica.recordIdentity(
          Foreign.name(version),
          Math.max(1, identity.path("limit").asInt(1)),
          identity.path("draining").asBoolean(false));
      return true;
    } catch (JacksonException e) {
      return false;
    }
  }

  private String hmac(String message) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      return HexFormat.of().formatHex(mac.doFinal(message.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // Every JVM has HmacSHA256.
    }
  }

  /**
   * Returns whether any replica of an application accepts requests, and none of them is out of
   * reach: those would get nothing.
   */
  public boolean serves(String app) {
    long now = System.nanoTime();
    boolean ready = false;
    for (Candidate candidate : of(app)) {
      // A version on trial may not even start, which concerns nobody.
      if (candidate.isOutOfReach(now) && !onTrial.containsKey(app)) {
        return false;
      }
      ready |= candidate.replica.isReady() && !isOnTrial(candidate.replica);
    }
    return ready;
  }

  /** Returns how many requests have been sent to an application's replicas and not ended. */
  public int inFlight(String app) {
    return of(app).stream().mapToInt(candidate -> candidate.replica.inFlight().size()).sum();
  }

  /**
   * Returns the replica of an application with the fewest requests in flight that accepts one more;
   * null if there is none. Replicas with as many of them take turns.
   */
  public @Nullable Replica pick(String app) {
    return pick(app, null);
  }

  /** Returns the same, but neither a given replica nor one that fails. */
  public @Nullable Replica alternative(Replica to) {
    Replica other = pick(to.endpoint().app(), to);
    return other == null || other.isEjected(System.nanoTime()) ? null : other;
  }

  private @Nullable Replica pick(String app, @Nullable Replica except) {
    long now = System.nanoTime();
    Replica best = null;
    Replica ejected = null; // One that fails gets requests where no other has room for them.
    List<Candidate> all = of(app);
    turn++;
    for (int i = 0; i < all.size(); i++) {
      Replica replica = all.get(Math.floorMod(turn + i, all.size())).replica;
      boolean usable = replica.isReady() && replica.hasRoom(now);
      if (!usable || replica == except || isOnTrial(replica)) {
        continue;
      }
      if (replica.isEjected(now)) {
        ejected = ejected == null || isBusier(ejected, replica) ? replica : ejected;
      } else if (best == null || isBusier(best, replica)) {
        best = replica;
      }
    }
    return best == null ? ejected : best;
  }

  private static boolean isBusier(Replica one, Replica other) {
    return one.inFlight().size() > other.inFlight().size();
  }

  /**
   * Records that a replica handled a request, or failed to. One that fails several times in a row
   * while another replica of its application succeeds is ejected for a while. If all of them fail,
   * the fault is not the replica's. At most half of the replicas are ejected at a time.
   */
  public void recordOutcome(Replica replica, boolean success, long now) {
    if (success) {
      replica.recordSuccess(now);
      return;
    }
    long since = replica.recordFailure(now);
    if (since == 0) {
      return;
    }
    List<Replica> others =
        of(replica.endpoint().app()).stream()
            .map(candidate -> candidate.replica)
            .filter(other -> other != replica && other.isReady() && !isOnTrial(other))
            .toList();
    long ejected = others.stream().filter(other -> other.isEjected(now)).count();
    if (2 * (ejected + 1) <= others.size() + 1
        && others.stream().anyMatch(other -> other.hasSucceededSince(since))) {
      replica.eject(now);
      LOG.atWarn()
          .addKeyValue("app", replica.endpoint().app())
          .addKeyValue("replica", replica.named())
          .log("a replica fails while another succeeds; it gets no requests for a while");
    }
  }

  /** Returns all reported replicas. */
  public List<Replica> all() {
    return candidates.values().stream().map(candidate -> candidate.replica).toList();
  }
}
