package ai.seedcore.serve.door;

import io.netty.handler.ipfilter.IpFilterRuleType;
import io.netty.handler.ipfilter.IpSubnetFilterRule;
import io.netty.util.NetUtil;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who sends requests, as far as any of theirs is here. */
final class Clients {

  /** Of an address of IPv6, what is one client's. */
  private static final int NETWORK_BYTES = 8;

  private final List<IpSubnetFilterRule> trusted;
  private final Map<String, Client> clients = new HashMap<>();

  /**
   * Nobody yet.
   *
   * @param trusted networks of proxies before us, such as {@code 10.0.0.0/8}, whose {@code
   *     X-Forwarded-For} says who the client is
   */
  Clients(List<String> trusted) {
    this.trusted =
        trusted.stream()
            .map(cidr -> new IpSubnetFilterRule(cidr, IpFilterRuleType.ACCEPT))
            .toList();
  }

  /** The client at the other end of a connection. */
  Client at(@Nullable SocketAddress address) {
    return known(address == null ? "" : String.valueOf(address.hostAddress()));
  }

  /**
   * Who sent a request: the client at the other end of its connection, or, where that is a proxy
   * that is trusted, the last of those that it names which is none.
   */
  Client of(HttpServerRequest request, Client peer) {
    if (trusted.isEmpty() || !isTrusted(peer.address)) {
      return peer;
    }
    List<String> named = request.headers().getAll("X-Forwarded-For");
    String[] all = String.join(",", named).split(",", -1);
    for (int i = all.length - 1; i >= 0; i--) {
      String address = all[i].strip();
      if (!NetUtil.isValidIpV4Address(address) && !NetUtil.isValidIpV6Address(address)) {
        return peer; // Who says anything may have said all of it.
      }
      if (!isTrusted(address)) {
        return known(address);
      }
    }
    return peer;
  }

  private boolean isTrusted(String address) {
    InetAddress parsed = NetUtil.createInetAddressFromIpAddressString(address);
    return parsed != null
        && trusted.stream().anyMatch(rule -> rule.matches(new InetSocketAddress(parsed, 1)));
  }

  private Client known(String address) {
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

  /** One more connection, or request, of it is here. */
  void enters(Client client) {
    client.references++;
  }

  /** One is here no more. */
  void leaves(Client client) {
    if (--client.references == 0) {
      clients.remove(client.address, client);
    }
  }

  /** The one with the most connections. */
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
