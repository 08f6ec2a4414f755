package ai.seedcore.serve.door.upstream;

import java.net.URI;
import java.util.Map;

/** One of Serve's HTTP proxies, with its last known state. */
public final class Proxy extends Upstream {

  private String address;
  private Map<String, String> routes = Map.of();
  private long heardAt;

  Proxy(URI uri) {
    super(uri);
    this.address = named().host();
  }

  /** Sets the address to which its name resolves now. */
  void at(String number) {
    address = number;
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public String kind() {
    return "the proxy";
  }

  /**
   * Returns the routes that it serves, with the names of their applications; empty if it is
   * unhealthy.
   */
  public Map<String, String> routes() {
    return routes;
  }

  /** Records its route table. */
  void recordTable(Map<String, String> table, long now) {
    routes = table;
    heardAt = now;
  }

  boolean isSilentSince(long time) {
    return heardAt - time < 0;
  }

  @Override
  public void refused() {
    routes = Map.of();
    askSoon();
  }

  /**
   * Takes it out of use, and reports the loss to its requests in flight, as it is gone or silent.
   */
  void markLost() {
    routes = Map.of();
    reportLoss("the proxy is no longer available");
  }

  /**
   * Takes it out of use, as its node left the cluster. Requests in flight may still get a response.
   */
  void markRemoved() {
    routes = Map.of();
  }
}
