package ai.seedcore.serve.base;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A host, as a name or an address, and a port. */
public record HostPort(String host, int port) {

  private static final String HOST = "\\[[0-9a-fA-F:.]+]|[\\p{L}\\p{N}._-]+";
  private static final Pattern FORM = Pattern.compile("(" + HOST + "):(\\d{1,5})");
  private static final Pattern PORTLESS = Pattern.compile(HOST);

  /**
   * Parses {@code HOST:PORT}.
   *
   * @throws IllegalArgumentException if the text has another form
   */
  @JsonCreator
  public static HostPort parse(String text) {
    Matcher matcher = FORM.matcher(text);
    if (matcher.matches()) {
      int port = Integer.parseInt(matcher.group(2));
      if (isHost(text) && port >= 1 && port <= 65_535) {
        return new HostPort(matcher.group(1), port);
      }
    }
    throw new IllegalArgumentException(
        "found '%s', expected HOST:PORT, such as 127.0.0.1:6380".formatted(text));
  }

  /**
   * Returns whether Java accepts the host. An underscore is allowed here, although only Java
   * rejects it.
   */
  private static boolean isHost(String text) {
    try {
      return new URI("http://" + text.replace('_', 'x')).getHost() != null;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  /**
   * Returns the host and port of a URL. Host names may contain an underscore, as Compose services
   * often do. Every resolver accepts it, but {@link URI#getHost} does not.
   *
   * @throws IllegalArgumentException if the URL names no host
   */
  public static HostPort of(URI url) {
    String authority = url.getRawAuthority() == null ? "" : url.getRawAuthority();
    String address = authority.substring(authority.lastIndexOf('@') + 1);
    Matcher named = PORTLESS.matcher(address);
    return named.matches() && isHost(address)
        ? new HostPort(address, "https".equals(url.getScheme()) ? 443 : 80)
        : parse(address);
  }

  /** Returns whether a host is this machine. Resolves the name each time. */
  public static boolean isThisMachine(String host) {
    try {
      InetAddress address = InetAddress.getByName(host);
      return address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null;
    } catch (UnknownHostException | SocketException e) {
      return false;
    }
  }

  /** Returns whether only this machine can connect to the host. */
  public boolean isLoopback() {
    return host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
  }

  /** Returns whether the host is a loopback address, or a name of one. Resolves the name. */
  public boolean resolvesToLoopback() {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** Returns the addresses of this machine's network interfaces. */
  public static Set<String> ownAddresses() {
    try {
      return NetworkInterface.networkInterfaces()
          .flatMap(NetworkInterface::inetAddresses)
          .map(address -> address.getHostAddress().replaceFirst("%.*", ""))
          .collect(Collectors.toSet());
    } catch (SocketException e) {
      return Set.of();
    }
  }

  @Override
  @JsonValue
  public String toString() {
    return host + ":" + port;
  }
}
