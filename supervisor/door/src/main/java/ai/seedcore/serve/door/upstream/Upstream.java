package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.base.HostPort;
import java.net.URI;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** A server to which the door forwards requests: one of Serve's proxies, or a replica. */
public abstract sealed class Upstream permits Proxy, Replica {

  /** A request that was sent, and whose response is not complete. */
  public interface InFlight {

    /** Handles the loss of the server. */
    void lost(String why);

    /**
     * Handles the fact that the server does not respond any more, although it may yet. Tries
     * another one if the request may be executed twice.
     */
    void doubted(String why);

    /** Has it check how long it has been in flight. */
    void check(long now);
  }

  private final URI uri;
  private final HostPort named;
  private final Set<InFlight> inFlight = new LinkedHashSet<>();
  private boolean asking;
  private long askAt = System.nanoTime();

  Upstream(URI uri) {
    this.uri = uri;
    this.named = HostPort.of(uri);
  }

  /** Returns its URL, with a host name or an address. */
  public URI uri() {
    return uri;
  }

  /** Returns the host and port of {@link #uri}. */
  public HostPort named() {
    return named;
  }

  /** Returns the address to connect to, so that no request waits for name resolution. */
  public abstract String address();

  /** Returns what it is, for messages. */
  public abstract String kind();

  /** Takes it out of use until it responds to a query, as it refuses connections. */
  public abstract void refused();

  /** Returns the requests that were sent to it and whose responses are not complete. */
  public Set<InFlight> inFlight() {
    return inFlight;
  }

  boolean isDue(long now) {
    return !asking && now - askAt >= 0;
  }

  void markAsked() {
    asking = true;
  }

  void scheduleQuery(long at) {
    asking = false;
    askAt = at;
  }

  /** Makes it due for a query, as its behavior contradicts its last response. */
  public void askSoon() {
    askAt = System.nanoTime();
  }

  void checkInFlight(long now) {
    List.copyOf(inFlight).forEach(request -> request.check(now));
  }

  void reportLoss(String why) {
    List.copyOf(inFlight).forEach(request -> request.lost(why));
  }
}
