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
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
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

  /** A replica that does not respond for so long gets no further requests until it does. */
  private static final Duration DEADLINE = Duration.ofSeconds(1);

  private static final long READY_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long STARTING_NANOS = Duration.ofMillis(100).toNanos();
  private static final long UNREACHABLE_NANOS = Duration.ofSeconds(2).toNanos();

  /** After how many failed queries a replica is asked less often, as it may never be reachable. */
  private static final int PATIENT_QUERIES = 100;

  private static final int NONCE_BYTES = 16;

  private final Context context;
  private final Http http;
  private final Runnable changed;
  private final SecureRandom random = new SecureRandom();

  /** By actor. */
  private final Map<String, Candidate> candidates = new LinkedHashMap<>();

  private String key = "";

  /** A reported replica: one of its ports, and what is known there. */
  private static final class Candidate {
    private final Replica.Endpoint endpoint;
    private Replica replica;
    private int port;
    private int failures;

    Candidate(Replica.Endpoint endpoint, String credential) {
      this.endpoint = endpoint;
      this.replica = new Replica(endpoint, endpoint.ports().get(0), credential);
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
      candidates.values().forEach(candidate -> candidate.replica.markRemoved());
      candidates.clear();
      key = sharedKey;
    }
    Map<String, Candidate> next = new LinkedHashMap<>();
    for (Replica.Endpoint endpoint : endpoints) {
      Candidate known = candidates.remove(endpoint.actor());
      next.put(
          endpoint.actor(),
          known != null && known.endpoint.equals(endpoint)
              ? known
              : new Candidate(endpoint, hmac("door\n" + endpoint.actor())));
    }
    candidates.values().forEach(gone -> gone.replica.markRemoved());
    candidates.clear();
    candidates.putAll(next);
  }

  /** Asks the replicas that are due. */
  public void ask(long now) {
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
    boolean wasReady = replica.state() == Replica.State.READY;
    boolean proved =
        response != null && response.status() == 200 && prove(replica, nonce, response.body());
    if (proved) {
      candidate.failures = 0;
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

  /** Returns whether any replica of an application accepts requests. */
  public boolean serves(String app) {
    return candidates.values().stream()
        .anyMatch(
            each -> each.endpoint.app().equals(app) && each.replica.state() == Replica.State.READY);
  }

  /**
   * Returns the replica of an application with the fewest requests in flight that accepts one more;
   * null if there is none.
   */
  public @Nullable Replica pick(String app) {
    Replica best = null;
    for (Candidate candidate : candidates.values()) {
      Replica replica = candidate.replica;
      if (candidate.endpoint.app().equals(app)
          && replica.state() == Replica.State.READY
          && replica.hasRoom()
          && (best == null || replica.inFlight().size() < best.inFlight().size())) {
        best = replica;
      }
    }
    return best;
  }

  /** Returns all reported replicas. */
  public List<Replica> all() {
    return candidates.values().stream().map(candidate -> candidate.replica).toList();
  }
}
