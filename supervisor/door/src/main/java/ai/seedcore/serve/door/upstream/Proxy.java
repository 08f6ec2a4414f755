package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.base.HostPort;
import java.net.URI;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One of Serve's HTTP proxies, with its last known state. */
public final class Proxy {

  /** A request that was sent to a proxy, and whose response is not complete. */
  public interface InFlight {

    /** Handles the loss of the proxy. */
    void lost(String why);
  }

  private final URI uri;
  private final HostPort named;
  private final Set<InFlight> inFlight = new LinkedHashSet<>();
  private String address;
  private Map<String, String> routes = Map.of();
  private boolean asking;
  private long askAt = System.nanoTime();
  private long heardAt;

  Proxy(URI uri) {
    this.uri = uri;
    this.named = HostPort.of(uri);
    this.address = named.host();
  }

  /** Returns its URL, with a host name or an address. */
  public URI uri() {
    return uri;
  }

  /** Returns the host and port of {@link #uri}. */
  public HostPort named() {
    return named;
  }

  /** Sets the address to which its name resolves now. */
  void at(String number) {
    address = number;
  }

  /** Returns the address to connect to, so that no request waits for name resolution. */
  public String address() {
    return address;
  }

  /** Returns the requests that were sent to it and whose responses are not complete. */
  public Set<InFlight> inFlight() {
    return inFlight;
  }

  /**
   * Returns the routes that it serves, with the names of their applications; empty if it is
   * unhealthy.
   */
  public Map<String, String> routes() {
    return routes;
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

  /** Makes it due for a query, as its behavior contradicts its table. */
  public void askSoon() {
    askAt = System.nanoTime();
  }

  /** Records its route table. */
  void recordTable(Map<String, String> table, long now) {
    routes = table;
    heardAt = now;
  }

  boolean isSilentSince(long time) {
    return heardAt - time < 0;
  }

  /** Takes it out of use until it responds to a query, as it refuses connections. */
  public void refused() {
    routes = Map.of();
    askAt = System.nanoTime();
  }

  /**
   * Takes it out of use, and reports the loss to its requests in flight, as it is gone or silent.
   */
  void markLost() {
    routes = Map.of();
    List.copyOf(inFlight).forEach(request -> request.lost("the proxy is no longer available"));
  }

  /**
   * Takes it out of use, as its node left the cluster. Requests in flight may still get a response.
   */
  void markRemoved() {
    routes = Map.of();
  }
}
