package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.Host;
import ai.seedcore.serve.agent.Requests;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
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

  /**
   * Returns whether a request may run on the thread that reads requests, which must neither block
   * nor be interrupted.
   */
  boolean isQuick(Request request) {
    try {
      return !Requests.haveLimit() && host.isQuick(request);
    } catch (Throwable e) { // The class itself is at fault; its call will show that, too.
      return false;
    } finally {
      boolean unused = Thread.interrupted(); // Would close the connections of the I/O thread.
    }
  }

  /** Thrown if a stream is written that nobody reads. */
  static final class ClientGone extends IOException {
    private static final long serialVersionUID = 1L;

    ClientGone(@Nullable IOException cause) {
      super(cause);
    }
  }

  /** Takes a response that is streamed. */
  @FunctionalInterface
  interface Streaming {

    /** Sends the head of a response. Returns where its body goes. */
    OutputStream begin(Reply head) throws IOException;
  }

  /**
   * Executes a request for which there is a permit, and releases the permit.
   *
   * @return the response; null if it was streamed
   * @throws IOException if a stream broke off
   */
  @Nullable Reply execute(String id, Request request, Streaming streaming) throws IOException {
    Requests.begin(id);
    boolean begun = false;
    try {
      Object result = host.handle(request);
      if (result instanceof Response response && response.body() instanceof Response.Stream body) {
        OutputStream out = streaming.begin(Reply.head(response));
        begun = true;
        body.writeTo(out);
        Requests.endStream();
        out.close(); // Not after an exception: the response would look complete.
        return null;
      }
      return Reply.of(Requests.respond(result), result instanceof Response);
    } catch (ClientGone gone) {
      Requests.abandon();
      throw gone;
    } catch (Throwable thrown) {
      Throwable failure = Requests.fail(thrown);
      if (begun) {
        throw new IOException("the response broke off", failure);
      }
      return Reply.json(500, Requests.errorReply(failure));
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
