package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.Host;
import ai.seedcore.serve.agent.Requests;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The replica of this JVM, as the direct path sees it. */
final class Replica {

  private final String actor;
  private final String version;
  private final AtomicInteger ongoing;
  private final Host host;
  private final String key;
  private final byte[] credential;

  /**
   * Creates the view of a replica.
   *
   * @param actor the id of its actor, in hexadecimal
   * @param version the content version of its deployment
   * @param ongoing Ray's count of its ongoing requests, of both paths
   * @param host the deployment
   * @param key the cluster's key for the direct path
   */
  Replica(String actor, String version, AtomicInteger ongoing, Host host, String key) {
    this.actor = actor;
    this.version = version;
    this.ongoing = ongoing;
    this.host = host;
    this.key = key;
    this.credential = Proof.of(key, "door\n" + actor).getBytes(StandardCharsets.US_ASCII);
  }

  /** Counts a request as ongoing until its response has been written: Ray waits for that. */
  void begin() {
    ongoing.incrementAndGet();
  }

  void end() {
    ongoing.decrementAndGet();
  }

  /** Executes a request for which there is a permit, and releases the permit. */
  Reply execute(String id, String input) {
    Requests.begin(id);
    try {
      return Reply.of(Requests.succeed(host.call(input)));
    } catch (Throwable thrown) {
      return Reply.json(500, Requests.errorReply(Requests.fail(thrown)));
    }
  }

  /**
   * Returns what proves that this is the replica, for someone who has the key. The proof contains
   * the address, so that no other server can pass it on as its own.
   *
   * @param nonce a value that nobody has used before
   * @param address where this replica listens, as HOST:PORT
   */
  Reply identify(String nonce, String address, boolean draining) {
    JsonObject identity = new JsonObject();
    identity.addProperty("actor", actor);
    identity.addProperty("version", version);
    identity.addProperty("limit", Requests.limit());
    identity.addProperty("draining", draining);
    identity.addProperty(
        "proof", Proof.of(key, String.join("\n", "replica", nonce, actor, version, address)));
    return Reply.json(200, identity.toString());
  }

  /** Returns whether the sender of a credential has the key. */
  boolean admits(@Nullable String sent) {
    return sent != null
        && MessageDigest.isEqual(credential, sent.getBytes(StandardCharsets.US_ASCII));
  }
}
