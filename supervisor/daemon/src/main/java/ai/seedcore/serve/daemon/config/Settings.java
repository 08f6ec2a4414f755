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
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All settings, validated.
 *
 * @param local whether to start our own head on this machine's loopback
 * @param join whether to start our own Ray node without CPUs, as in a container
 * @param remember whether our own head keeps its state, so that it continues after a restart
 * @param takeOver whether to replace the daemon that has the status address, if there is one
 * @param address the cluster's GCS, {@code HOST:PORT}; {@code auto} for the cluster of this machine
 * @param dashboard the cluster's dashboard; null for port 8265 of the address's host
 * @param serveHost the address on which Serve's HTTP proxies listen if the daemon starts Serve;
 *     null for the loopback if the head is on the loopback, and otherwise for all addresses,
 *     because the daemon must reach them
 * @param servePort the port of Serve's HTTP proxies
 * @param serveUrl the base URL for probes; null for the serve port of the address's host
 * @param status the address of the status port
 * @param statusTokenFile the file with the token for the status port; null for none
 * @param notifyUrl the URL for notifications about state changes; null for none. It may contain a
 *     secret
 * @param otlpEndpoint the base URL of the OpenTelemetry collector that gets traces; null for none,
 *     unless OpenTelemetry's own variables name one
 * @param frontDoor the address of the front door; null to turn it off
 * @param frontDoorTokenFile the file with the token for clients of the front door; null for none
 * @param frontDoorTokenHeader the header field with the token: Authorization, with the scheme
 *     Bearer, or another one, with the token alone
 * @param corsOrigins the origins whose pages may use the routes from a browser; {@code *} for all
 * @param frontDoorAccessLog a file with a line for each request; null for none
 * @param frontDoorCertificate the front door's certificate, a PEM file; null for no TLS
 * @param frontDoorKey the certificate's private key, a PEM file
 * @param frontDoorConnections the maximum number of client connections
 * @param frontDoorIdleSeconds how long a client's connection may be idle, in seconds
 * @param frontDoorHeaderSeconds how long the head of a request may take from its first byte on, in
 *     seconds
 * @param frontDoorDrainSeconds how long the front door of a daemon that is replaced, or that
 *     lingers, may finish what it has, in seconds
 * @param frontDoorLingerSeconds how long the front door accepts new connections after a signal, in
 *     seconds
 * @param frontDoorHttp2 whether clients may use HTTP/2
 * @param frontDoorTrustedProxies networks of proxies in front of the front door, whose {@code
 *     X-Forwarded-For} header names the client
 * @param frontDoorBodyMb the maximum size of a request's body, in MiB
 * @param holdRequests how many requests may wait in the front door
 * @param holdMb how many MiB of requests it may keep
 * @param holdSeconds how long a request may wait there, in seconds
 * @param statusCodes {@code http}: a request that a deployment refuses has its own HTTP status;
 *     {@code contract}: it has status 200
 * @param cache where the daemon unpacks its jars; null for the user's cache folder
 * @param ray the {@code ray} command of the Ray installation; null to search for one
 * @param rayTokenFile the file with the cluster's token; null: where Ray's own programs look for it
 * @param cpus the CPUs of a local head; null for those of the machine
 * @param nodeIpAddress the address under which the cluster knows our own node; null to let Ray
 *     choose
 * @param nodeOptions more options of 'ray start' for our own node, such as its ports
 * @param logFormat {@code text} or {@code json}
 * @param logLevel {@code error}, {@code warn}, {@code info}, {@code debug}
 * @param logFile a file that receives the log, too; null for none
 * @param logFileMb the size at which the log file is rotated, in MB
 * @param logFilesKept how many rotated log files are kept
 * @param adopt {@code replace}: a Serve without Java support is replaced if everything that it runs
 *     can be deployed again; {@code never}: it stays, and nothing is deployed
 * @param shutdownApps whether to delete the declared applications when the daemon ends
 * @param builtin whether the three built-in deployments are declared
 * @param deployments the deployments to serve
 */
public record Settings(
    boolean local,
    boolean join,
    boolean remember,
    boolean takeOver,
    String address,
    @Nullable URI dashboard,
    @Nullable String serveHost,
    int servePort,
    @Nullable URI serveUrl,
    HostPort status,
    @Nullable Path statusTokenFile,
    @Nullable String notifyUrl,
    @Nullable URI otlpEndpoint,
    @Nullable HostPort frontDoor,
    @Nullable Path frontDoorTokenFile,
    String frontDoorTokenHeader,
    List<String> corsOrigins,
    @Nullable Path frontDoorAccessLog,
    @Nullable Path frontDoorCertificate,
    @Nullable Path frontDoorKey,
    int frontDoorConnections,
    int frontDoorIdleSeconds,
    int frontDoorHeaderSeconds,
    int frontDoorDrainSeconds,
    int frontDoorLingerSeconds,
    boolean frontDoorHttp2,
    List<String> frontDoorTrustedProxies,
    int frontDoorBodyMb,
    int holdRequests,
    int holdMb,
    int holdSeconds,
    String statusCodes,
    @Nullable Path cache,
    @Nullable Path ray,
    @Nullable Path rayTokenFile,
    @Nullable Integer cpus,
    @Nullable String nodeIpAddress,
    List<String> nodeOptions,
    String logFormat,
    String logLevel,
    @Nullable Path logFile,
    int logFileMb,
    int logFilesKept,
    String adopt,
    boolean shutdownApps,
    boolean builtin,
    List<DeclaredApplication> deployments) {

  /** The head that {@code --local} starts if no address is given. */
  private static final HostPort LOCAL_HEAD = new HostPort("127.0.0.1", 6380);

  private static final Pattern ORIGIN =
      Pattern.compile(
          "(?!http://.*:80$)(?!https://.*:443$)[a-z][a-z0-9+.-]*://[a-z0-9.:\\[\\]_-]+");

  /** Any field but those that the front door or HTTP itself uses. */
  private static final Pattern TOKEN_HEADER =
      Pattern.compile(
          "(?i)(?!(x-forwarded-.*|x-seedcore-.*|via|x-request-.*|host|connection|keep-alive|te"
              + "|trailer|upgrade|expect|transfer-.*|content-.*|accept.*|proxy-.*|origin|vary)$)"
              + "[a-z0-9-]{1,64}");

  /** Variables that are no secrets, and without which other programs do not run as they should. */
  private static final Pattern COMMON_VARIABLES =
      Pattern.compile(
          "PATH|HOME|USER|LOGNAME|SHELL|TERM|TZ|LANG|LC_.*|LD_.*|TMPDIR|XDG_.*|JAVA_HOME"
              + "|VIRTUAL_ENV|PYTHON.*|RAY_.*|(?i:https?|no|all)_(?i:proxy)");

  /** The options of 'ray start' that the daemon sets itself. */
  private static final Set<String> RESERVED_OPTIONS =
      Set.of("--head", "--address", "--port", "--block", "--num-cpus", "--node-ip-address");

  /** Validates everything that a single value does not show. */
  @SuppressWarnings("NullAway") // Omitted values are null here and are replaced by their defaults.
  public Settings {
    nodeOptions = nodeOptions == null ? List.of() : List.copyOf(nodeOptions);
    frontDoorTrustedProxies =
        frontDoorTrustedProxies == null ? List.of() : List.copyOf(frontDoorTrustedProxies);
    corsOrigins = corsOrigins == null ? List.of() : List.copyOf(corsOrigins);
    for (String origin : corsOrigins) {
      require(
          origin.equals("*") || ORIGIN.matcher(origin).matches(),
          ("cors_origins: found '%s', expected origins as browsers send them, such as"
                  + " https://app.example.org (lower case, no path, no default port), or *")
              .formatted(origin));
    }
    require(
        TOKEN_HEADER.matcher(frontDoorTokenHeader).matches(),
        "front_door_token_header: found '%s', expected a header field of clients such as X-Api-Key"
            .formatted(frontDoorTokenHeader));
    for (String network : frontDoorTrustedProxies) {
      require(
          isNetwork(network),
          "front_door_trusted_proxies: found '%s', expected networks such as 10.0.0.0/8 or fd00::/8"
              .formatted(network));
    }
    for (String option : nodeOptions) {
      require(
          option.matches("--[a-z][a-z-]*(=\\S+)?")
              && !RESERVED_OPTIONS.contains(option.replaceFirst("=.*", "")),
          "node_options: found '%s', expected an option of 'ray start' such as --node-manager-port=10010, except %s"
              .formatted(option, String.join(", ", new TreeSet<>(RESERVED_OPTIONS))));
    }
    require(
        local || join || (nodeOptions.isEmpty() && nodeIpAddress == null),
        "node_ip_address, node_options: found without --join or --local, expected with one of"
            + " them");
    require(
        nodeIpAddress == null || nodeIpAddress.matches("[\\p{L}\\p{N}._:-]+"),
        "node_ip_address: found '%s', expected an address of this machine"
            .formatted(nodeIpAddress));
    require(local || !remember, "remember: found without --local, expected with it");
    require(!(local && join), "join: found both local and join, expected only one of them");
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
    checkUrl("otlp_endpoint", otlpEndpoint);
    require(
        notifyUrl == null || isHttp(notifyUrl),
        "notify_url: found an invalid URL (not shown, because it may be secret), expected a URL"
            + " such as https://example.org/hook");
    range("log_file_mb", logFileMb, 1, 10_000);
    range("log_files_kept", logFilesKept, 1, 20);
    range("front_door_connections", frontDoorConnections, 1, 1_000_000);
    range("front_door_idle_seconds", frontDoorIdleSeconds, 1, 86_400);
    range("front_door_header_seconds", frontDoorHeaderSeconds, 1, 3_600);
    range("front_door_drain_seconds", frontDoorDrainSeconds, 0, 86_400);
    range("front_door_linger_seconds", frontDoorLingerSeconds, 0, 3_600);
    range("front_door_body_mb", frontDoorBodyMb, 1, 1_024);
    range("hold_requests", holdRequests, 0, 1_000_000);
    range("hold_mb", holdMb, frontDoorBodyMb, 16_384);
    range("hold_seconds", holdSeconds, 0, 3_600);
    require(
        Set.of("replace", "never").contains(adopt),
        "adopt: found '%s', expected replace or never".formatted(adopt));
    require(
        Set.of("http", "contract").contains(statusCodes),
        "status_codes: found '%s', expected http or contract".formatted(statusCodes));
    require(
        (frontDoorCertificate == null) == (frontDoorKey == null),
        "front_door_certificate: found only one of it and front_door_key, expected both or"
            + " neither");
    if (address.toLowerCase(Locale.ROOT).startsWith("ray://")) {
      String host = address.substring("ray://".length()).replaceAll("[:/].*", "");
      throw new IllegalArgumentException(
          ("address: found '%s', a Ray Client address, which Ray's Java API does not support;"
                  + " expected the address of the head's GCS, most likely %s:6380")
              .formatted(address, host));
    }
    if (address.toLowerCase(Locale.ROOT).matches("https?://.*")) {
      String host = address.replaceFirst("(?i)https?://([^:/]*).*", "$1");
      throw new IllegalArgumentException(
          ("address: found '%s', a dashboard address, as for 'ray job submit'; expected the address"
                  + " of the GCS, most likely %s:6380 or %2$s:6379 (set the dashboard with"
                  + " --dashboard)")
              .formatted(address, host));
    }
    if (address.equalsIgnoreCase("local")) {
      throw new IllegalArgumentException(
          "address: found 'local', with which Ray's tools start a new cluster; expected HOST:PORT,"
              + " or --local to start a Ray head with the daemon");
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
        "front_door: found %s, which is also the address of status, expected another port"
            .formatted(frontDoor));
    Set<String> names = new HashSet<>();
    Set<String> routes = new HashSet<>();
    for (DeclaredApplication deployment : deployments) {
      require(
          names.add(deployment.name()),
          "deployments: found two named %s, expected different names".formatted(deployment.name()));
      require(
          deployment.route() == null || routes.add(deployment.route()),
          "deployments: found two with the route %s, expected different routes"
              .formatted(deployment.route()));
    }
    require(
        !deployments.isEmpty(), "deployments: found none, expected one or more, or builtin: true");
    deployments = List.copyOf(deployments);
  }

  /** Returns whether a Serve without Java support may be replaced. */
  public boolean adopts() {
    return adopt.equals("replace");
  }

  /** Returns the cluster's GCS. Resolves {@code auto} at each call, as Ray's own commands do. */
  public HostPort gcs() {
    if (!address.equals("auto")) {
      return HostPort.parse(address);
    }
    return local ? LOCAL_HEAD : RayNodes.currentCluster().orElse(LOCAL_HEAD);
  }

  /**
   * Returns the dashboard's address, without a trailing slash, unless the cluster reports another.
   */
  public String dashboardUrl() {
    if (dashboard != null) {
      return withoutSlash(dashboard);
    }
    // By default, Ray's dashboard listens on the loopback only.
    String host = gcs().host();
    return "http://" + (HostPort.isThisMachine(host) ? "127.0.0.1" : host) + ":8265";
  }

  /** Returns the base URL for probes, without a trailing slash. */
  public String routesUrl() {
    if (serveUrl != null) {
      return withoutSlash(serveUrl);
    }
    HostPort head = gcs();
    // Serve's proxy on this machine may listen on the loopback only, which is Serve's own default.
    boolean here = !head.isLoopback() && HostPort.isThisMachine(head.host());
    return "http://" + (here ? "127.0.0.1" : head.host()) + ":" + servePort;
  }

  /** Returns the address on which Serve's HTTP proxies should listen. */
  public String listenHost() {
    if (serveHost != null) {
      return serveHost;
    }
    String head = gcs().host();
    if (!gcs().isLoopback()) {
      return "0.0.0.0";
    }
    return head.startsWith("127.") ? head : "127.0.0.1"; // The loopback has more than one address.
  }

  /**
   * Returns the variables of the daemon's environment that only replicas may see; without those
   * that every program needs.
   */
  public Set<String> secretVariables() {
    return deployments.stream()
        .filter(DeclaredJava.class::isInstance)
        .flatMap(deployment -> ((DeclaredJava) deployment).env().values().stream())
        .map(EnvValue::fromEnv)
        .filter(name -> name != null && !COMMON_VARIABLES.matcher(name).matches())
        .collect(Collectors.toSet());
  }

  /** Returns the settings of the front door; null if it is off. */
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
            Duration.ofSeconds(frontDoorIdleSeconds),
            Duration.ofSeconds(frontDoorHeaderSeconds),
            frontDoorTrustedProxies,
            corsOrigins,
            statusCodes.equals("contract"),
            frontDoorHttp2,
            frontDoorCertificate,
            frontDoorKey);
  }

  /**
   * Returns why the front door cannot listen on its address; empty if it can. Resolves at each call
   * whether a host is this machine.
   */
  public Optional<String> doorObstacle() {
    if (frontDoor == null || serveUrl != null || frontDoor.port() != servePort || join) {
      return Optional.empty();
    }
    return HostPort.isThisMachine(gcs().host())
        ? Optional.of(
            "front_door: found %s, but serve_port %d of this machine is the port of Serve's proxy;"
                    .formatted(frontDoor, servePort)
                + " expected another serve_port, such as %d, or front_door: off"
                    .formatted(servePort + 1))
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
        field + ": found a user name or a password, which is not used, expected neither");
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
