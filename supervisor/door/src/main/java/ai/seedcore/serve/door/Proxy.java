package ai.seedcore.serve.door;

import ai.seedcore.serve.base.HostPort;
import java.net.URI;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One of Serve's HTTP proxies, as far as it has told of itself. */
final class Proxy {

  private final URI uri;
  private final HostPort named;
  private final Set<Exchange> underWay = new LinkedHashSet<>();
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

  /** Where it is, by name or number. */
  URI uri() {
    return uri;
  }

  /** The host and port of {@link #uri}. */
  HostPort named() {
    return named;
  }

  /** Its name means that address now. */
  void at(String number) {
    address = number;
  }

  /** What to connect to: a number, so that no request waits for a name. */
  String address() {
    return address;
  }

  /** What is sent to it and not answered in full. */
  Set<Exchange> underWay() {
    return underWay;
  }

  /** The routes that it serves, with the names of their applications; none: it is not well. */
  Map<String, String> routes() {
    return routes;
  }

  boolean isDue(long now) {
    return !asking && now - askAt >= 0;
  }

  void asked() {
    asking = true;
  }

  void askAgain(long at) {
    asking = false;
    askAt = at;
  }

  /** It does not do as its table says: it is to be asked again soon. */
  void doubt() {
    askAt = System.nanoTime();
  }

  /** It answered. */
  void tells(Map<String, String> table, long now) {
    routes = table;
    heardAt = now;
  }

  boolean isSilentSince(long time) {
    return heardAt - time < 0;
  }

  /** It does not take connections: it is to be asked at once. */
  void refuses() {
    routes = Map.of();
    askAt = System.nanoTime();
  }

  /** It has gone, or says nothing any more: what was sent to it is not going to be answered. */
  void lost() {
    routes = Map.of();
    List.copyOf(underWay).forEach(exchange -> exchange.lost("the proxy has gone"));
  }

  /** It is none of the cluster's any more; what is under way may still be answered. */
  void stop() {
    routes = Map.of();
  }
}
