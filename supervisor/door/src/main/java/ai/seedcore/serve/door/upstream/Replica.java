package ai.seedcore.serve.door.upstream;

import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A replica, with its last known state. It gets requests only after it has proved its identity. */
public final class Replica extends Upstream {

  /** What the door knows about a replica. */
  public enum State {
    /** It has not proved its identity, or does not respond any more. */
    UNREACHABLE,
    /** It gets requests. */
    READY,
    /** It completes its requests, and gets no more. */
    DRAINING
  }

  /** How long a replica that runs as many requests as it may gets no further ones. */
  private static final long FULL_NANOS = 50_000_000;

  private final Endpoint endpoint;
  private final String credential;
  private State state = State.UNREACHABLE;
  private String version = "";
  private int limit;
  private long fullUntil = System.nanoTime();

  /**
   * Creates a replica that has not proved its identity.
   *
   * @param credential proves to the replica that a request comes from a front door
   */
  Replica(Endpoint endpoint, int port, String credential) {
    super(URI.create("http://%s:%d".formatted(bracketed(endpoint.host()), port)));
    this.endpoint = endpoint;
    this.credential = credential;
  }

  static String bracketed(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  /**
   * A replica as the cluster reports it.
   *
   * @param actor the id of its actor, in hexadecimal
   * @param app the application
   * @param host its address
   * @param ports the ports at which it may listen, the likeliest first
   */
  public record Endpoint(String actor, String app, String host, List<Integer> ports) {}

  /** Returns the replica as the cluster reports it. */
  public Endpoint endpoint() {
    return endpoint;
  }

  @Override
  public String address() {
    return endpoint.host();
  }

  @Override
  public String kind() {
    return "the replica";
  }

  /** Returns what a request must contain, so that the replica executes it. */
  public String credential() {
    return credential;
  }

  /** Returns the content version of its deployment; empty if it has not proved its identity. */
  public String version() {
    return version;
  }

  /** Returns its state. */
  public State state() {
    return state;
  }

  boolean hasRoom(long now) {
    return inFlight().size() < limit && now - fullUntil >= 0;
  }

  /** Records a proved identity. */
  void recordIdentity(String provedVersion, int requests, boolean draining) {
    version = provedVersion;
    limit = requests;
    state = draining ? State.DRAINING : State.READY;
  }

  /** Takes it out of use until it proves its identity again. */
  @Override
  public void refused() {
    state = State.UNREACHABLE;
    askSoon();
  }

  /** Takes it out of use until it responds, and tells the requests that wait for it. */
  void doubt(String why) {
    state = State.UNREACHABLE;
    List.copyOf(inFlight()).forEach(request -> request.doubted(why));
  }

  /** Handles a refusal: the replica did not execute a request. */
  public void recordRefusal(@Nullable String why) {
    if ("draining".equals(why)) {
      state = State.DRAINING;
    } else if ("overloaded".equals(why)) {
      fullUntil = System.nanoTime() + FULL_NANOS; // It runs requests of others, too.
    } else {
      refused();
    }
  }

  /** Takes it out of use for good. Its requests in flight may still get a response. */
  void markRemoved() {
    state = State.DRAINING;
  }
}
