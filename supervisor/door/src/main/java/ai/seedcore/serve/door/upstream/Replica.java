package ai.seedcore.serve.door.upstream;

import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A replica, with its last known state. It gets requests only after it has proved its identity. */
public final class Replica extends Upstream {

  /** The field that proves to a replica that a request comes from a front door. */
  public static final String CREDENTIAL = "X-SeedCore-Door";

  /** What the door knows about a replica. */
  public enum State {
    /** It has not proved its identity, or does not respond any more. */
    UNREACHABLE,
    /** It gets requests. */
    READY,
    /** It fails while others succeed, and gets requests only where there is no other. */
    EJECTED,
    /** It completes its requests, and gets no more. */
    DRAINING
  }

  /** How long a replica that runs as many requests as it may gets no further ones. */
  private static final long FULL_NANOS = 50_000_000;

  /**
   * Outlier ejection: after how many failures in a row, for how long at first, and at most (as in
   * Envoy).
   */
  private static final int MAX_FAILURES = 5;

  private static final long EJECTION_NANOS = 10_000_000_000L;
  private static final int MAX_EJECTIONS = 6;

  private final Endpoint endpoint;
  private final String credential;
  private State state = State.UNREACHABLE;
  private String version = "";
  private int limit;
  private long fullUntil = System.nanoTime();
  private long succeededAt = System.nanoTime();
  private int failures;
  private long failingSince;
  private int ejections;
  private long ejectedUntil = System.nanoTime();

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

  /** Returns its state at a time. */
  public State state(long now) {
    return state == State.READY && isEjected(now) ? State.EJECTED : state;
  }

  /** Returns whether it has proved its identity and accepts requests. */
  boolean isReady() {
    return state == State.READY;
  }

  boolean isEjected(long now) {
    return now - ejectedUntil < 0;
  }

  boolean hasSucceededSince(long time) {
    return succeededAt - time > 0;
  }

  void recordSuccess(long now) {
    failures = 0;
    succeededAt = now;
    if (now - ejectedUntil > EJECTION_NANOS) {
      ejections = 0;
    }
  }

  /** Records a failed request. Returns since when it has failed too often; 0 if it has not. */
  long recordFailure(long now) {
    failingSince = failures == 0 ? now : failingSince;
    failures++;
    return failures < MAX_FAILURES ? 0 : failingSince;
  }

  /** Gives it no requests for a while, which grows with each time. */
  void eject(long now) {
    failures = 0;
    ejections = Math.min(MAX_EJECTIONS, ejections + 1);
    ejectedUntil = now + ejections * EJECTION_NANOS;
  }

  /** Returns how many requests it executes at a time; 0 if it has not proved its identity. */
  public int limit() {
    return limit;
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
