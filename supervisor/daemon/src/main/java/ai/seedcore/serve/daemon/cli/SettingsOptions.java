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
      description = "A YAML file of settings and deployments; SEEDCORE_CONFIG.")
  private @Nullable Path config;

  @Option(
      names = "--local",
      arity = "0..1",
      fallbackValue = FLAG,
      description = "Start a head of our own on this machine's loopback, and end it with us.")
  private @Nullable String local;

  @Option(
      names = "--join",
      arity = "0..1",
      fallbackValue = FLAG,
      description = "Bring a Ray node of our own, without CPUs, as in a container of one's own.")
  private @Nullable String join;

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description =
          "The head's GCS, or auto for the cluster of this machine; also RAY_ADDRESS. Default: auto.")
  private @Nullable String address;

  @Option(
      names = "--dashboard",
      paramLabel = "URL",
      description = "The head's dashboard. Default: where the cluster says that it is.")
  private @Nullable String dashboard;

  @Option(
      names = "--serve-host",
      paramLabel = "HOST",
      description =
          "What Serve's HTTP proxies listen on, where we start Serve. Default: the loopback for a"
              + " head there, else 0.0.0.0.")
  private @Nullable String serveHost;

  @Option(
      names = "--serve-port",
      paramLabel = "PORT",
      description = "The port of Serve's HTTP proxies. Default: 8000.")
  private @Nullable String servePort;

  @Option(
      names = "--serve-url",
      paramLabel = "URL",
      description = "Where we ask the routes. Default: the serve port of the address's host.")
  private @Nullable String serveUrl;

  @Option(
      names = "--status",
      paramLabel = "HOST:PORT",
      description =
          "Where our own page, /healthz, /readyz, /status and /metrics are. Default: 127.0.0.1:8090.")
  private @Nullable String status;

  @Option(
      names = "--status-token-file",
      paramLabel = "FILE",
      description =
          "A file with the token that all of them but /healthz and /readyz want, as"
              + " 'Authorization: Bearer TOKEN'; also SEEDCORE_STATUS_TOKEN. Needed beyond the loopback.")
  private @Nullable String statusTokenFile;

  @Option(
      names = "--notify-url",
      paramLabel = "URL",
      description =
          "Where changes of state are posted as JSON. It may hold a secret: rather by variable.")
  private @Nullable String notifyUrl;

  @Option(
      names = "--front-door",
      paramLabel = "HOST:PORT",
      description =
          "Open an HTTP front door there: it passes requests on to Serve's proxies, and keeps them"
              + " while nothing is served. Default: none.")
  private @Nullable String frontDoor;

  @Option(
      names = "--front-door-token-file",
      paramLabel = "FILE",
      description =
          "A file with the token that its clients have to say; also SEEDCORE_FRONT_DOOR_TOKEN.")
  private @Nullable String frontDoorTokenFile;

  @Option(
      names = "--front-door-certificate",
      paramLabel = "FILE",
      description = "The front door's certificate, as PEM: it speaks TLS then.")
  private @Nullable String frontDoorCertificate;

  @Option(
      names = "--front-door-key",
      paramLabel = "FILE",
      description = "The certificate's key, as PEM.")
  private @Nullable String frontDoorKey;

  @Option(
      names = "--front-door-connections",
      paramLabel = "N",
      description = "How many connections of clients there may be. Default: 12000.")
  private @Nullable String frontDoorConnections;

  @Option(
      names = "--front-door-trusted-proxies",
      paramLabel = "NETWORKS",
      description =
          "Networks of load balancers before the front door, such as 10.0.0.0/8,192.168.0.0/16: what"
              + " they say in X-Forwarded-For tells clients apart. Default: none.")
  private @Nullable String frontDoorTrustedProxies;

  @Option(
      names = "--front-door-body-mb",
      paramLabel = "N",
      description = "How many MiB a request may have. Default: 8.")
  private @Nullable String frontDoorBodyMb;

  @Option(
      names = "--hold-requests",
      paramLabel = "N",
      description = "How many requests may wait in the front door. Default: 5000.")
  private @Nullable String holdRequests;

  @Option(
      names = "--hold-mb",
      paramLabel = "N",
      description = "How many MiB of requests may be kept there. Default: 64.")
  private @Nullable String holdMb;

  @Option(
      names = "--hold-seconds",
      paramLabel = "N",
      description = "How long a request may wait there. Default: 60.")
  private @Nullable String holdSeconds;

  @Option(
      names = "--status-codes",
      paramLabel = "KIND",
      description =
          "http: the front door gives what a deployment refuses a status of its own, such as 422;"
              + " contract: it stays a 200. Default: http.")
  private @Nullable String statusCodes;

  @Option(
      names = "--ray",
      paramLabel = "PATH",
      description = "The 'ray' command of the Ray installation to use. Default: the one found.")
  private @Nullable String ray;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description = "Where we unpack our jars. Default: ~/.cache/seedcore.")
  private @Nullable String cache;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      description = "The CPUs of a --local head. Default: those of the machine.")
  private @Nullable String cpus;

  @Option(
      names = "--node-ip-address",
      paramLabel = "ADDRESS",
      description =
          "The address under which the cluster is to know our own node (--join, --local). Default: the"
              + " one that Ray finds.")
  private @Nullable String nodeIpAddress;

  @Option(
      names = "--node-options",
      paramLabel = "OPTIONS",
      description =
          "More options of 'ray start' for our own node, such as"
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
      description = "Log to this file, too; a new one is begun after --log-file-mb. Default: none.")
  private @Nullable String logFile;

  @Option(
      names = "--log-file-mb",
      paramLabel = "N",
      description = "How large a log file may get. Default: 10.")
  private @Nullable String logFileMb;

  @Option(
      names = "--log-files-kept",
      paramLabel = "N",
      description = "How many full log files are kept. Default: 5.")
  private @Nullable String logFilesKept;

  @Option(
      names = "--builtin",
      arity = "0..1",
      fallbackValue = FLAG,
      paramLabel = "BOOL",
      description = "Whether the three built-in deployments are declared. Default: true.")
  private @Nullable String builtin;

  @Option(
      names = "--shutdown-apps",
      arity = "0..1",
      fallbackValue = FLAG,
      description = "Take the declared applications down at our end. Default: they keep serving.")
  private @Nullable String shutdownApps;

  /** Returns the configuration file; null if there is none. */
  @Nullable Path file(Map<String, String> environment) {
    String variable = environment.getOrDefault("SEEDCORE_CONFIG", "");
    return config != null ? config : variable.isBlank() ? null : Path.of(variable);
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
      } else if (!environment.getOrDefault(variable, "").isBlank()) {
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
