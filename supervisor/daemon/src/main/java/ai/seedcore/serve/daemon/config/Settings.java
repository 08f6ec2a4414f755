package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.door.DoorSettings;
import io.netty.util.NetUtil;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * All that the user may say, checked.
 *
 * @param local whether to start a head of one's own, on this machine's loopback
 * @param join whether to bring one's own Ray node without CPUs, as in a container of one's own
 * @param address the cluster's GCS, {@code HOST:PORT}; {@code auto}: the cluster of this machine
 * @param dashboard the cluster's dashboard; null: port 8265 of the address's host
 * @param serveHost what Serve's HTTP proxies listen on, where we start Serve; null: the loopback
 *     for a head on the loopback, else all addresses, as we ourselves are to reach them
 * @param servePort the port of Serve's HTTP proxies
 * @param serveUrl where the routes are asked; null: the serve port of the address's host
 * @param status what our own HTTP server listens on
 * @param statusTokenFile the file of the token that our own HTTP server wants; null: no file
 * @param notifyUrl where changes of phase are posted; null: nowhere. It may hold a secret
 * @param cache where we unpack our jars; null: the user's cache folder
 * @param frontDoor what the front door listens on; null: there is none
 * @param frontDoorTokenFile the file of the token that clients of the front door have to say; null:
 *     no file
 * @param frontDoorCertificate the front door's certificate, as a PEM file; null: no TLS
 * @param frontDoorKey its key, as a PEM file
 * @param frontDoorConnections how many clients' connections there may be
 * @param frontDoorBodyMb how many MiB a request's body may have
 * @param frontDoorTrustedProxies networks of proxies before the front door, whose {@code
 *     X-Forwarded-For} says who the client is
 * @param holdRequests how many requests may wait in the front door
 * @param holdMb how many MiB of requests may be kept there
 * @param holdSeconds how long a request may wait there
 * @param statusCodes {@code http}: what a deployment refuses has a status of its own; {@code
 *     contract}: it stays a 200
 * @param ray the Ray installation: its {@code ray} command; null: the one that is found
 * @param cpus the CPUs of a local head; null: those of the machine
 * @param nodeIpAddress the address under which our own node is known to the cluster; null: the one
 *     that Ray finds
 * @param nodeOptions more options of 'ray start' for our own node, such as its ports
 * @param logFormat {@code text} or {@code json}
 * @param logLevel {@code error}, {@code warn}, {@code info}, {@code debug}
 * @param logFile the file that is logged to, too; null: none
 * @param logFileMb how many MB of it before the next one is begun
 * @param logFilesKept how many full ones are kept beside it
 * @param shutdownApps whether to take the declared applications down at our end
 * @param builtin whether the three built-in deployments are declared
 * @param deployments what is to be served
 */
public record Settings(
    boolean local,
    boolean join,
    String address,
    @Nullable URI dashboard,
    @Nullable String serveHost,
    int servePort,
    @Nullable URI serveUrl,
    HostPort status,
    @Nullable Path statusTokenFile,
    @Nullable String notifyUrl,
    @Nullable HostPort frontDoor,
    @Nullable Path frontDoorTokenFile,
    @Nullable Path frontDoorCertificate,
    @Nullable Path frontDoorKey,
    int frontDoorConnections,
    List<String> frontDoorTrustedProxies,
    int frontDoorBodyMb,
    int holdRequests,
    int holdMb,
    int holdSeconds,
    String statusCodes,
    @Nullable Path cache,
    @Nullable Path ray,
    @Nullable Integer cpus,
    @Nullable String nodeIpAddress,
    List<String> nodeOptions,
    String logFormat,
    String logLevel,
    @Nullable Path logFile,
    int logFileMb,
    int logFilesKept,
    boolean shutdownApps,
    boolean builtin,
    List<Declaration> deployments) {

  /** The head that {@code --local} starts, where no address is given. */
  private static final HostPort LOCAL = new HostPort("127.0.0.1", 6380);

  /** Of 'ray start', what we say ourselves. */
  private static final Set<String> OURS =
      Set.of("--head", "--address", "--port", "--block", "--num-cpus", "--node-ip-address");

  /** Checks what no single value shows. */
  @SuppressWarnings("NullAway") // What was not said comes as null, and leaves as its default.
  public Settings {
    nodeOptions = nodeOptions == null ? List.of() : List.copyOf(nodeOptions);
    frontDoorTrustedProxies =
        frontDoorTrustedProxies == null ? List.of() : List.copyOf(frontDoorTrustedProxies);
    for (String network : frontDoorTrustedProxies) {
      require(
          isNetwork(network),
          "front_door_trusted_proxies: found '%s', expected networks such as 10.0.0.0/8 or fd00::/8"
              .formatted(network));
    }
    for (String option : nodeOptions) {
      require(
          option.matches("--[a-z][a-z-]*(=\\S+)?")
              && !OURS.contains(option.replaceFirst("=.*", "")),
          "node_options: found '%s', expected an option of 'ray start' such as --node-manager-port=10010, but for %s"
              .formatted(option, String.join(", ", new TreeSet<>(OURS))));
    }
    require(
        local || join || (nodeOptions.isEmpty() && nodeIpAddress == null),
        "node_ip_address, node_options: found them without --join or --local, expected a node of the daemon's own");
    require(
        nodeIpAddress == null || nodeIpAddress.matches("[\\p{L}\\p{N}._:-]+"),
        "node_ip_address: found '%s', expected an address of this machine"
            .formatted(nodeIpAddress));
    require(!(local && join), "join: found both local and join, expected one of them");
    require(
        servePort >= 1 && servePort <= 65_535,
        "serve_port: found %d, expected a port from 1 to 65535".formatted(servePort));
    require(
        Set.of("text", "json").contains(logFormat),
        "log_format: found '%s', expected text or json".formatted(logFormat));
    require(
        Set.of("error", "warn", "info", "debug").contains(logLevel),
        "log_level: found '%s', expected error, warn, info or debug".formatted(logLevel));
    require(cpus == null || cpus >= 1, "cpus: found %s, expected 1 or more".formatted(cpus));
    checkUrl("dashboard", dashboard);
    checkUrl("serve_url", serveUrl);
    require(
        notifyUrl == null || isHttp(notifyUrl),
        "notify_url: found no URL (it is not shown, as it may be a secret), expected a URL such as"
            + " https://example.org/hook");
    range("log_file_mb", logFileMb, 1, 10_000);
    range("log_files_kept", logFilesKept, 1, 20);
    range("front_door_connections", frontDoorConnections, 1, 1_000_000);
    range("front_door_body_mb", frontDoorBodyMb, 1, 1_024);
    range("hold_requests", holdRequests, 0, 1_000_000);
    range("hold_mb", holdMb, frontDoorBodyMb, 16_384);
    range("hold_seconds", holdSeconds, 0, 3_600);
    require(
        Set.of("http", "contract").contains(statusCodes),
        "status_codes: found '%s', expected http or contract".formatted(statusCodes));
    require(
        (frontDoorCertificate == null) == (frontDoorKey == null),
        "front_door_certificate: found it or front_door_key alone, expected both or neither");
    if (address.toLowerCase(Locale.ROOT).startsWith("ray://")) {
      String host = address.substring("ray://".length()).replaceAll("[:/].*", "");
      throw new IllegalArgumentException(
          ("address: found '%s', an address of Ray's client, which the Java API does not speak;"
                  + " expected the head's own address, most likely %s:6380")
              .formatted(address, host));
    }
    if (address.toLowerCase(Locale.ROOT).matches("https?://.*")) {
      String host = address.replaceFirst("(?i)https?://([^:/]*).*", "$1");
      throw new IllegalArgumentException(
          ("address: found '%s', which is a dashboard's address, as 'ray job submit' wants it; expected"
                  + " the GCS's, most likely %s:6380 or %2$s:6379 (the dashboard goes by --dashboard)")
              .formatted(address, host));
    }
    if (address.equalsIgnoreCase("local")) {
      throw new IllegalArgumentException(
          "address: found 'local', with which Ray's tools start a cluster of their own; expected"
              + " HOST:PORT, or --local for a head of this daemon's own");
    }
    if (!address.equals("auto")) {
      try {
        HostPort.parse(address);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("address: " + e.getMessage(), e);
      }
    }
    require(
        frontDoor == null || !frontDoor.equals(status),
        "front_door: found %s, which is status, too; expected another port".formatted(frontDoor));
    Set<String> names = new HashSet<>();
    Set<String> routes = new HashSet<>();
    for (Declaration deployment : deployments) {
      require(
          names.add(deployment.name()),
          "deployments: found two named %s, expected one".formatted(deployment.name()));
      require(
          routes.add(deployment.route()),
          "deployments: found two with the route %s, expected one".formatted(deployment.route()));
    }
    require(
        !deployments.isEmpty(), "deployments: found none, expected one or more, or builtin: true");
    deployments = List.copyOf(deployments);
  }

  /** The cluster's GCS; {@code auto} is looked up now, as Ray's own commands do. */
  public HostPort gcs() {
    if (!address.equals("auto")) {
      return HostPort.parse(address);
    }
    return local ? LOCAL : RayNodes.currentCluster().orElse(LOCAL);
  }

  /** The dashboard's address, as far as nobody has told another, without a slash at its end. */
  public String dashboardUrl() {
    if (dashboard != null) {
      return withoutSlash(dashboard);
    }
    // Ray's dashboard listens on the loopback only, unless it is told otherwise.
    String host = gcs().host();
    return "http://" + (HostPort.isThisMachine(host) ? "127.0.0.1" : host) + ":8265";
  }

  /** Where routes are asked, without a slash at its end. */
  public String routesUrl() {
    if (serveUrl != null) {
      return withoutSlash(serveUrl);
    }
    HostPort head = gcs();
    // Serve's proxy on this machine may listen on the loopback alone, as Serve itself has it.
    boolean here = !head.isLoopback() && HostPort.isThisMachine(head.host());
    return "http://" + (here ? "127.0.0.1" : head.host()) + ":" + servePort;
  }

  /** What Serve's HTTP proxies are to listen on. */
  public String listenHost() {
    if (serveHost != null) {
      return serveHost;
    }
    String head = gcs().host();
    if (!gcs().isLoopback()) {
      return "0.0.0.0";
    }
    return head.startsWith("127.") ? head : "127.0.0.1"; // The loopback has more than one.
  }

  /** The front door; null: there is none. */
  public @Nullable DoorSettings door() {
    return frontDoor == null
        ? null
        : new DoorSettings(
            frontDoor,
            holdRequests,
            (long) holdMb << 20,
            Duration.ofSeconds(holdSeconds),
            frontDoorBodyMb << 20,
            frontDoorConnections,
            frontDoorTrustedProxies,
            statusCodes.equals("contract"),
            frontDoorCertificate,
            frontDoorKey);
  }

  /**
   * Why the front door cannot be where it is to be; empty where it can. Whether a host is this
   * machine is looked up now.
   */
  public Optional<String> doorObstacle() {
    if (frontDoor == null || serveUrl != null || frontDoor.port() != servePort || join) {
      return Optional.empty();
    }
    return HostPort.isThisMachine(gcs().host())
        ? Optional.of(
            "front_door: found %s, and serve_port %d on the same machine, where Ray's own proxy is;"
                    .formatted(frontDoor, servePort)
                + " expected another serve_port, such as %d".formatted(servePort + 1))
        : Optional.empty();
  }

  private static void range(String field, int found, int least, int most) {
    require(
        found >= least && found <= most,
        "%s: found %d, expected %d to %d".formatted(field, found, least, most));
  }

  private static boolean isNetwork(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? "" : text.substring(0, slash);
    int most = NetUtil.isValidIpV4Address(address) ? 32 : 128;
    boolean valid = most == 32 || NetUtil.isValidIpV6Address(address);
    return valid
        && text.substring(slash + 1).matches("\\d{1,3}")
        && Integer.parseInt(text.substring(slash + 1)) <= most;
  }

  private static String withoutSlash(URI uri) {
    return uri.toString().replaceAll("/+$", "");
  }

  private static boolean isHttp(URI url) {
    if (!"http".equals(url.getScheme()) && !"https".equals(url.getScheme())) {
      return false;
    }
    try {
      return HostPort.of(url).port() > 0;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isHttp(String url) {
    try {
      return isHttp(new URI(url));
    } catch (URISyntaxException e) {
      return false;
    }
  }

  private static void checkUrl(String field, @Nullable URI url) {
    require(
        url == null || url.getRawUserInfo() == null,
        field + ": found a user or a password in it, which is not used; expected none");
    require(
        url == null || isHttp(url),
        "%s: found '%s', expected a URL such as http://127.0.0.1:8265".formatted(field, url));
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
