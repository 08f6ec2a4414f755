package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/**
 * The flags for the settings. Each has a variable {@code SEEDCORE_...} and a key in the file with
 * the same name. Precedence: flag, environment variable, file, default.
 */
@SuppressWarnings("UnusedVariable") // Picocli reads the fields, by name.
final class SettingsOptions {

  private static final String FLAG = "true";

  @Spec(Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "A YAML file with settings and deployments; also SEEDCORE_CONFIG.")
  private @Nullable Path config;

  @Option(
      names = "--local",
      arity = "0..1",
      fallbackValue = FLAG,
      description =
          "Start a Ray head on this machine's loopback address, and stop it with the daemon.")
  private @Nullable String local;

  @Option(
      names = "--join",
      arity = "0..1",
      fallbackValue = FLAG,
      description = "Start a Ray node without CPUs for the daemon, for example in a container.")
  private @Nullable String join;

  @Option(
      names = "--remember",
      arity = "0..1",
      fallbackValue = FLAG,
      description =
          "With --local: the head keeps its state on disk, so that its applications survive a"
              + " restart. Needs a Ray with RocksDB, such as 2.60.0.")
  private @Nullable String remember;

  @Option(
      names = "--take-over",
      arity = "0..1",
      fallbackValue = FLAG,
      description =
          "Replace the daemon of the same user and --status address, if one runs, without refusing"
              + " a connection.")
  private @Nullable String takeOver;

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description =
          "The head's GCS, or auto for the cluster of this machine; also RAY_ADDRESS. Default: auto.")
  private @Nullable String address;

  @Option(
      names = "--dashboard",
      paramLabel = "URL",
      description =
          "The URL of the head's dashboard. Default: the address that the cluster reports.")
  private @Nullable String dashboard;

  @Option(
      names = "--serve-host",
      paramLabel = "HOST",
      description =
          "The address that Serve's HTTP proxies listen on, if the daemon starts Serve. Default:"
              + " the loopback address for a head there, else 0.0.0.0.")
  private @Nullable String serveHost;

  @Option(
      names = "--serve-port",
      paramLabel = "PORT",
      description =
          "The port of Serve's HTTP proxies. Default: 8000; 8001 with --local and its front door.")
  private @Nullable String servePort;

  @Option(
      names = "--serve-url",
      paramLabel = "URL",
      description =
          "The base URL for probes of the routes. Default: the serve port on the host of"
              + " --address.")
  private @Nullable String serveUrl;

  @Option(
      names = "--status",
      paramLabel = "HOST:PORT",
      description =
          "The address of the status port: status page, /healthz, /readyz, /status and /metrics."
              + " Default: 127.0.0.1:8090.")
  private @Nullable String status;

  @Option(
      names = "--status-token-file",
      paramLabel = "FILE",
      description =
          "A file with the bearer token that the status port requires, except for /healthz and"
              + " /readyz; also SEEDCORE_STATUS_TOKEN. Required beyond the loopback address.")
  private @Nullable String statusTokenFile;

  @Option(
      names = "--notify-url",
      paramLabel = "URL",
      description =
          "A URL that changes of state are posted to as JSON. If it is secret, set"
              + " SEEDCORE_NOTIFY_URL instead.")
  private @Nullable String notifyUrl;

  @Option(
      names = "--otlp-endpoint",
      paramLabel = "URL",
      description =
          "The OpenTelemetry collector that gets traces by OTLP over HTTP, such as"
              + " http://127.0.0.1:4318. OpenTelemetry's own variables, such as"
              + " OTEL_TRACES_SAMPLER, are in effect, too.")
  private @Nullable String otlpEndpoint;

  @Option(
      names = "--front-door",
      paramLabel = "HOST:PORT",
      description =
          "The address of the HTTP front door, which forwards requests to Serve's proxies and holds"
              + " them while nothing is served; 'off' for none. Default: 127.0.0.1:8000 with --local,"
              + " else none.")
  private @Nullable String frontDoor;

  @Option(
      names = "--front-door-token-file",
      paramLabel = "FILE",
      description =
          "A file with the bearer token that clients must send, or with several, of which one is"
              + " enough; also SEEDCORE_FRONT_DOOR_TOKEN.")
  private @Nullable String frontDoorTokenFile;

  @Option(
      names = "--front-door-token-header",
      paramLabel = "NAME",
      description =
          "The header field with the token, if the deployments use Authorization themselves."
              + " Default: Authorization.")
  private @Nullable String frontDoorTokenHeader;

  @Option(
      names = "--cors-origins",
      paramLabel = "ORIGINS",
      description =
          "The origins whose pages may use the routes from a browser, such as"
              + " https://app.example.org; * for all. Default: none.")
  private @Nullable String corsOrigins;

  @Option(
      names = "--front-door-access-log",
      paramLabel = "FILE",
      description = "A file with a line for each request, rotated as --log-file. Default: none.")
  private @Nullable String frontDoorAccessLog;

  @Option(
      names = "--front-door-certificate",
      paramLabel = "FILE",
      description = "The front door's certificate (PEM). Enables TLS.")
  private @Nullable String frontDoorCertificate;

  @Option(
      names = "--front-door-key",
      paramLabel = "FILE",
      description = "The private key of the certificate (PEM).")
  private @Nullable String frontDoorKey;

  @Option(
      names = "--front-door-connections",
      paramLabel = "N",
      description = "The maximum number of client connections. Default: 12000.")
  private @Nullable String frontDoorConnections;

  @Option(
      names = "--front-door-idle-seconds",
      paramLabel = "N",
      description =
          "The maximum time that a client's connection may be idle, in seconds; longer than a load"
              + " balancer keeps its own. Default: 75.")
  private @Nullable String frontDoorIdleSeconds;

  @Option(
      names = "--front-door-header-seconds",
      paramLabel = "N",
      description =
          "The maximum time from the first byte of a request's head to its last, in seconds."
              + " Default: 10.")
  private @Nullable String frontDoorHeaderSeconds;

  @Option(
      names = "--front-door-drain-seconds",
      paramLabel = "N",
      description =
          "How long the front door of a daemon that is replaced may finish what it has, in seconds."
              + " Default: 75.")
  private @Nullable String frontDoorDrainSeconds;

  @Option(
      names = "--front-door-linger-seconds",
      paramLabel = "N",
      description =
          "How long the front door accepts new connections after SIGTERM, until load balancers have"
              + " learned that the daemon ends. Default: 0.")
  private @Nullable String frontDoorLingerSeconds;

  @Option(
      names = "--front-door-http2",
      arity = "0..1",
      fallbackValue = FLAG,
      paramLabel = "BOOL",
      description = "Whether clients of the front door may use HTTP/2. Default: true.")
  private @Nullable String frontDoorHttp2;

  @Option(
      names = "--front-door-trusted-proxies",
      paramLabel = "NETWORKS",
      description =
          "Networks of load balancers before the front door, such as 10.0.0.0/8,192.168.0.0/16,"
              + " whose X-Forwarded-For identifies clients. Default: none.")
  private @Nullable String frontDoorTrustedProxies;

  @Option(
      names = "--front-door-body-mb",
      paramLabel = "N",
      description = "The maximum size of a request, in MiB. Default: 8.")
  private @Nullable String frontDoorBodyMb;

  @Option(
      names = "--hold-requests",
      paramLabel = "N",
      description = "The maximum number of requests that wait in the front door. Default: 5000.")
  private @Nullable String holdRequests;

  @Option(
      names = "--hold-mb",
      paramLabel = "N",
      description = "The maximum size of all held requests, in MiB. Default: 64.")
  private @Nullable String holdMb;

  @Option(
      names = "--hold-seconds",
      paramLabel = "N",
      description = "The maximum time that a request waits, in seconds. Default: 60.")
  private @Nullable String holdSeconds;

  @Option(
      names = "--status-codes",
      paramLabel = "KIND",
      description =
          "http: errors of a deployment get their own status at the front door, such as 422;"
              + " contract: they stay a 200. Default: http.")
  private @Nullable String statusCodes;

  @Option(
      names = "--ray",
      paramLabel = "PATH",
      description = "The 'ray' command of the installation to use. Default: the first one found.")
  private @Nullable String ray;

  @Option(
      names = "--ray-token-file",
      paramLabel = "FILE",
      description =
          "A file with the token of a Ray cluster with RAY_AUTH_MODE=token; also"
              + " SEEDCORE_RAY_TOKEN. Default: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH,"
              + " ~/.ray/auth_token.")
  private @Nullable String rayTokenFile;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description = "The directory for unpacked jars. Default: ~/.cache/seedcore.")
  private @Nullable String cache;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      description = "The number of CPUs of a --local head. Default: those of the machine.")
  private @Nullable String cpus;

  @Option(
      names = "--node-ip-address",
      paramLabel = "ADDRESS",
      description =
          "The address of the daemon's Ray node (--join, --local) in the cluster. Default: the one"
              + " that Ray finds.")
  private @Nullable String nodeIpAddress;

  @Option(
      names = "--node-options",
      paramLabel = "OPTIONS",
      description =
          "More options of 'ray start' for the daemon's Ray node, such as"
              + " '--node-manager-port=10010 --min-worker-port=10100 --max-worker-port=10199'.")
  private @Nullable String nodeOptions;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      description = "text or json. Default: text.")
  private @Nullable String logFormat;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "error, warn, info or debug. Default: info.")
  private @Nullable String logLevel;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description =
          "A log file in addition to standard output, rotated at --log-file-mb. Default: none.")
  private @Nullable String logFile;

  @Option(
      names = "--log-file-mb",
      paramLabel = "N",
      description = "The maximum size of a log file, in MB. Default: 10.")
  private @Nullable String logFileMb;

  @Option(
      names = "--log-files-kept",
      paramLabel = "N",
      description = "The number of rotated log files to keep. Default: 5.")
  private @Nullable String logFilesKept;

  @Option(
      names = "--builtin",
      arity = "0..1",
      fallbackValue = FLAG,
      paramLabel = "BOOL",
      description = "Whether the three built-in deployments are declared. Default: true.")
  private @Nullable String builtin;

  @Option(
      names = "--adopt",
      paramLabel = "replace|never",
      description = {
        "What to do with a Serve that was started without Java support: replace it if everything"
            + " that it runs can be deployed again, or leave it alone and deploy nothing. Default:"
            + " replace."
      })
  private @Nullable String adopt;

  @Option(
      names = "--shutdown-apps",
      arity = "0..1",
      fallbackValue = FLAG,
      description =
          "Delete the declared applications when the daemon ends. Default: they keep serving.")
  private @Nullable String shutdownApps;

  /** Returns the configuration file; null if there is none. */
  @Nullable Path file(Map<String, String> environment) {
    String variable = environment.getOrDefault("SEEDCORE_CONFIG", "");
    return config != null ? config : variable.isBlank() ? null : Path.of(variable);
  }

  /**
   * Returns whether Kubernetes has set a variable, to the address of a Service: one that is named
   * {@code seedcore-serve} becomes {@code SEEDCORE_SERVE_PORT=tcp://10.96.0.7:8090}.
   */
  private static boolean isServiceLink(String variable, Map<String, String> environment) {
    return variable.endsWith("_PORT")
        && environment.getOrDefault(variable, "").contains("://")
        && environment.containsKey(variable.replaceFirst("PORT$", "SERVICE_HOST"));
  }

  /** Returns the settings from flags, environment variables and file. */
  Settings load(Map<String, String> environment) {
    Map<String, String> given = new LinkedHashMap<>();
    Map<String, String> sources = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      if (!(option.userObject() instanceof Field field)
          || field.getDeclaringClass() != SettingsOptions.class) {
        continue;
      }
      String flag = option.longestName();
      String key = flag.substring(2).replace('-', '_');
      String variable = "SEEDCORE_" + key.toUpperCase(Locale.ROOT);
      Object value = option.getValue();
      if (value != null) {
        given.put(key, value.toString());
        sources.put(key, flag);
      } else if (!environment.getOrDefault(variable, "").isBlank()
          && !isServiceLink(variable, environment)) {
        given.put(key, environment.get(variable));
        sources.put(key, variable);
      }
    }
    given.remove("config");
    Path file = file(environment);
    String rayAddress = environment.getOrDefault("RAY_ADDRESS", "");
    if (!rayAddress.isBlank() && !given.containsKey("address") && !given.containsKey("local")) {
      given.put("address", rayAddress);
      sources.put("address", "RAY_ADDRESS");
    }
    return ConfigLoader.load(file, given, sources);
  }
}
