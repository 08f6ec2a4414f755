package ai.seedcore.serve.door.client;

import io.netty.handler.ipfilter.IpFilterRuleType;
import io.netty.handler.ipfilter.IpSubnetFilterRule;
import io.netty.util.NetUtil;
import io.vertx.core.http.HttpServerRequest;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The clients that have connections or requests here. */
public final class Clients {

  /** How many bytes of an IPv6 address identify a client. */
  private static final int NETWORK_BYTES = 8;

  private final List<IpSubnetFilterRule> trusted;
  private final Map<String, Client> clients = new HashMap<>();

  /**
   * Creates an empty list.
   *
   * @param trusted networks of trusted proxies in front of the door, such as {@code 10.0.0.0/8},
   *     whose {@code X-Forwarded-For} names the client
   */
  public Clients(List<String> trusted) {
    this.trusted =
        trusted.stream()
            .map(cidr -> new IpSubnetFilterRule(cidr, IpFilterRuleType.ACCEPT))
            .toList();
  }

  /** Returns the client at the other end of a connection. */
  Client at(@Nullable SocketAddress address) {
    return named(
        address instanceof InetSocketAddress inet && inet.getAddress() != null
            ? NetUtil.toAddressString(inet.getAddress())
            : "");
  }

  /**
   * Returns the client that sent a request: the peer or, if that is a trusted proxy, the last
   * address in X-Forwarded-For that is not trusted.
   */
  public Client of(HttpServerRequest request, Client peer) {
    if (trusted.isEmpty() || !isTrusted(peer.address)) {
      return peer;
    }
    List<String> named = request.headers().getAll("X-Forwarded-For");
    String[] all = String.join(",", named).split(",", -1);
    for (int i = all.length - 1; i >= 0; i--) {
      String address = all[i].strip();
      if (!NetUtil.isValidIpV4Address(address) && !NetUtil.isValidIpV6Address(address)) {
        return peer; // A malformed list may be forged as a whole.
      }
      if (!isTrusted(address)) {
        return named(address);
      }
    }
    return peer;
  }

  private boolean isTrusted(String address) {
    InetAddress parsed = NetUtil.createInetAddressFromIpAddressString(address);
    return parsed != null
        && trusted.stream().anyMatch(rule -> rule.matches(new InetSocketAddress(parsed, 1)));
  }

  /** Returns the client with an address. */
  public Client named(String address) {
    return clients.computeIfAbsent(network(address), Client::new);
  }

  private static String network(String address) {
    if (address.indexOf(':') < 0) {
      return address;
    }
    InetAddress parsed = NetUtil.createInetAddressFromIpAddressString(address);
    if (!(parsed instanceof Inet6Address v6)) {
      return parsed == null ? address : parsed.getHostAddress();
    }
    byte[] bytes = v6.getAddress();
    Arrays.fill(bytes, NETWORK_BYTES, bytes.length, (byte) 0);
    return NetUtil.bytesToIpAddress(bytes);
  }

  /** Adds a connection or request to a client. */
  public void retain(Client client) {
    client.references++;
  }

  /**
   * Removes a connection or request from a client. A client that owes time is kept until it does
   * not; otherwise, it could end its debt with a new connection.
   */
  public void release(Client client) {
    if (--client.references == 0 && !Pace.owes(client, System.nanoTime())) {
      clients.remove(client.address, client);
    }
  }

  /** Removes the clients that have left and owe nothing any more. */
  void sweep(long now) {
    clients.values().removeIf(client -> client.references == 0 && !Pace.owes(client, now));
  }

  /** Returns the client with the most connections. */
  @Nullable Client busiest() {
    Client busiest = null;
    for (Client client : clients.values()) {
      if (busiest == null || client.connections > busiest.connections) {
        busiest = client;
      }
    }
    return busiest;
  }
}
