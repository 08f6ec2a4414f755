package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredPython;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.direct.ReplicaDirectory;
import ai.seedcore.serve.daemon.host.HostName;
import ai.seedcore.serve.daemon.host.MonotonicClock;
import ai.seedcore.serve.daemon.host.Version;
import ai.seedcore.serve.daemon.host.Watchdog;
import ai.seedcore.serve.daemon.loop.Supervisor;
import ai.seedcore.serve.daemon.metrics.LazyMetrics;
import ai.seedcore.serve.daemon.node.OwnNode;
import ai.seedcore.serve.daemon.node.RayInstall;
import ai.seedcore.serve.daemon.notify.Notifier;
import ai.seedcore.serve.daemon.notify.Systemd;
import ai.seedcore.serve.daemon.pack.Cache;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.daemon.status.StatusServer;
import ai.seedcore.serve.door.ControlState;
import ai.seedcore.serve.door.DoorSettings;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.FrontDoor;
import ai.seedcore.serve.door.Route;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import io.netty.util.internal.PlatformDependent;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Runs the daemon until a signal ends it. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = "Runs the daemon until SIGTERM or Ctrl-C.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  seedcore-serve run --local",
      "  seedcore-serve run --address 10.0.0.5:6380 --config deployments.yaml",
      "  SEEDCORE_JOIN=true RAY_ADDRESS=head:6380 seedcore-serve run --log-format json",
      "",
      "Every option is also an environment variable (--serve-port: SEEDCORE_SERVE_PORT) and a",
      "key of the file (serve_port). Precedence: flag, environment variable, file, default.",
    })
final class RunCommand implements Callable<Integer> {

  /**
   * The limit for the slowest part of the shutdown. The whole shutdown takes less than ten seconds.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  /** How often the replicas are listed for the front door, and how long that may take. */
  private static final long DIRECTORY_MS = 500;

  private static final Duration DIRECTORY_DEADLINE = Duration.ofSeconds(2);

  /**
   * When the control loop counts as stuck, and when it ends the process. A lap takes milliseconds,
   * or seconds if nothing responds.
   */
  private static final Duration STUCK = Duration.ofSeconds(30);

  private static final Duration DEAD = Duration.ofMinutes(2);

  /** What the status says of an application that does not exist, or no longer. */
  private static final Set<String> UNKNOWN = Set.of("MISSING", "UNKNOWN", "DELETING");

  /** Heap per connection, additionally with TLS, and for the front door itself; in bytes. */
  private static final long CONNECTION = 10L << 10;

  private static final long TLS_CONNECTION = 16L << 10;
  private static final long DOOR_HEAP = 40L << 20;

  /**
   * Memory outside the heap: unread data per connection, TLS handshakes, and the front door itself;
   * in bytes.
   */
  private static final long UNREAD = 4L << 10;

  private static final long HANDSHAKES = 32L << 20;
  private static final long DOOR_OUTSIDE = 16L << 20;

  @Mixin private SettingsOptions options;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Settings settings = options.load(System.getenv());
    Logging.set(settings);
    Logger log = LoggerFactory.getLogger(RunCommand.class);
    RayInstall ray = RayInstall.find(settings.ray());
    Cache cache = Cache.open(settings);
    MonotonicClock clock = new MonotonicClock();
    Path startLog = cache.folder("logs").resolve("ray-start.log");
    Credentials credentials = credentials(settings, ray, cache, System.getenv());
    OwnNode node = new OwnNode(settings, ray, credentials, startLog, clock);
    node.endLeftovers();
    node.obstacle()
        .ifPresent(
            reason -> {
              throw new ConfigException("address: " + reason);
            });
    ConfigWatch watch =
        new ConfigWatch(
            settings, options.file(System.getenv()), () -> options.load(System.getenv()), cache);

    settings
        .doorObstacle()
        .ifPresent(
            reason -> {
              throw new ConfigException(reason);
            });
    String token = Token.find("status", settings.statusTokenFile(), System.getenv());
    Vertx vertx = EventLoop.start();
    try (Watchdog watchdog = new Watchdog();
        FrontDoor door = door(settings);
        LazyMetrics metrics = new LazyMetrics(Version.current(), ray.version());
        StatusServer server =
            new StatusServer(vertx, settings.status(), token, metrics::scrape, watchdog::stuck)) {
      Http http = new Http(EventLoop.start());
      Runnable turns = watchdog.watch("the control loop", STUCK, DEAD);
      watchdog.watch("the event loop of the status port", vertx);
      watchdog.watch("the event loop of the cluster client", http.vertx());
      if (door != null) {
        watchdog.watch("the event loop of the front door", door.vertx());
      }
      ReplicaDirectory directory =
          door == null ? null : directory(settings, door, credentials, http.vertx());
      Greeting greeting = new Greeting(settings, credentials);
      Notifier notifier =
          settings.notifyUrl() == null
              ? null
              : new Notifier(http, settings.notifyUrl(), Duration.ofSeconds(1), metrics::notified);
      Optional<Systemd> systemd = Systemd.find(System.getenv());
      Supervisor supervisor =
          new Supervisor(
              settings,
              ray,
              credentials,
              node,
              cache,
              http,
              clock,
              watch,
              () -> door == null ? null : door.status(),
              (status, declared) -> {
                turns.run();
                if (door != null && directory != null) {
                  directory.declare(declared);
                  door.publish(
                      controlState(
                          status,
                          declared,
                          // Without a queue, nothing could wait here.
                          settings.holdRequests() == 0 ? Set.of() : directory.scaledToZero()));
                }
                server.publish(status);
                metrics.publish(status);
                greeting.publish(status);
                systemd.ifPresent(service -> service.publish(status));
                if (notifier != null) {
                  notifier.publish(status);
                }
              });
      log.atInfo()
          .addKeyValue("version", Version.current())
          .addKeyValue("address", settings.gcs())
          .addKeyValue("ray", ray.version())
          .addKeyValue("status", "http://" + settings.status())
          .addKeyValue(
              "deployments",
              settings.deployments().stream().map(DeclaredApplication::name).toList())
          .log("started");
      CountDownLatch ended = new CountDownLatch(1);
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    supervisor.stop();
                    try {
                      ended.await(9_800, TimeUnit.MILLISECONDS);
                    } catch (InterruptedException e) {
                      Thread.currentThread().interrupt();
                    }
                  },
                  "signal"));
      supervisor.run();
      if (door != null) {
        door.close();
      }
      systemd.ifPresent(Systemd::close);
      supervisor.close(PATIENCE);
      log.atInfo().log("ended");
      Logging.flush();
      ended.countDown();
      // The signal determines the exit code: the JVM is already shutting down.
      Thread.sleep(Long.MAX_VALUE);
      return 0;
    }
  }

  /**
   * Finds the credentials for the cluster. A head of our own requires a token if its version can,
   * unless {@code RAY_AUTH_MODE} says otherwise.
   */
  private static Credentials credentials(
      Settings settings, RayInstall ray, Cache cache, Map<String, String> environment)
      throws IOException {
    try {
      Credentials found = Credentials.find(settings.rayTokenFile(), environment);
      boolean wanted =
          found.tokenRequired() || environment.getOrDefault("RAY_AUTH_MODE", "").isBlank();
      if (!settings.local() || !ray.knowsTokens() || !wanted) {
        return found;
      }
      if (found.isTokenAbsent()) {
        Path own = cache.secret("ray-token");
        found = found.withOwnToken(Files.readString(own), own);
      }
      checkToken(found); // Fails now rather than when the head starts.
      found.require();
      return found;
    } catch (Credentials.Missing e) {
      throw new ConfigException(e.getMessage());
    }
  }

  private static void checkToken(Credentials of) {
    try {
      var unused = of.token();
    } catch (Credentials.Missing e) {
      throw new ConfigException("local: the head " + e.getMessage());
    }
  }

  /** Starts to look for replicas that the front door can reach without a proxy. */
  private static ReplicaDirectory directory(
      Settings settings, FrontDoor door, Credentials credentials, Vertx vertx) {
    Gcs gcs =
        new Gcs(
            vertx,
            () -> {
              HostPort now = settings.gcs();
              return new Gcs.Address(now.host(), now.port());
            },
            credentials,
            DIRECTORY_DEADLINE);
    ReplicaDirectory directory =
        new ReplicaDirectory(
            gcs,
            HostName.current() + " " + settings.frontDoor(),
            () -> {
              DoorStatus now = door.status();
              return now == null ? Map.of() : now.load();
            },
            door::replicas);
    directory.declare(settings.deployments());
    vertx.setPeriodic(DIRECTORY_MS, timer -> directory.poll());
    return directory;
  }

  private static void checkMemory(int holdMb, DoorSettings door) {
    long heap = Runtime.getRuntime().maxMemory();
    long perConnection = door.certificate() == null ? CONNECTION : TLS_CONNECTION;
    long wanted =
        door.bytes() / 3 * 5
            + door.connections() * perConnection
            + 3L * door.bodyBytes()
            + DOOR_HEAP;
    long outside = PlatformDependent.maxDirectMemory();
    long handshakes = door.certificate() == null ? 0 : HANDSHAKES;
    long wantedOutside =
        door.bytes() / 3 * 5 + door.connections() * UNREAD + handshakes + DOOR_OUTSIDE;
    if (heap < wanted || outside < wantedOutside) {
      throw new ConfigException(
          ("hold_mb, front_door_connections: found %d and %d, which need -Xmx%dm and"
                  + " -XX:MaxDirectMemorySize=%dm, but this JVM has %d MiB of heap and %d MiB of"
                  + " direct memory; expected smaller values, or these two options raised in"
                  + " door.options, in addition to jvm.options (in the image and as a service:"
                  + " SEEDCORE_JVM_OPTIONS=@/opt/seedcore/door.options), or front_door: off")
              .formatted(
                  holdMb,
                  door.connections(),
                  mib(wanted + wanted / 20), // One survivor space does not count as heap.
                  mib(wantedOutside),
                  heap >> 20,
                  outside >> 20));
    }
  }

  private static long mib(long bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
  }

  private static List<Route> routes(List<DeclaredApplication> declared) {
    List<Route> routes = new ArrayList<>();
    for (DeclaredApplication each : declared) {
      if (each.route() != null) {
        Route route =
            Route.declared(each.route(), each.name(), each.idempotent())
                .withTimeout(each.requestTimeout());
        routes.add(each instanceof DeclaredPython ? route.streaming() : route);
      }
    }
    return List.copyOf(routes);
  }

  private static ControlState controlState(
      Status now, List<DeclaredApplication> declared, Set<String> scaledToZero) {
    return new ControlState(
        routes(declared),
        now.head().nodes(),
        now.apps().stream()
            .filter(app -> app.replicas() == 0 && !UNKNOWN.contains(app.status()))
            .map(Status.AppStatus::name)
            .filter(scaledToZero::contains)
            .collect(Collectors.toSet()),
        now.replacesServe(),
        now.phase(),
        now.reason(),
        now.lastRecoveryS());
  }

  private static @Nullable FrontDoor door(Settings settings) {
    DoorSettings wanted = settings.door();
    if (wanted == null) {
      return null;
    }
    checkMemory(settings.holdMb(), wanted);
    return new FrontDoor(
        wanted,
        () ->
            new DoorTokens(
                Token.findAll("front_door", settings.frontDoorTokenFile(), System.getenv()),
                settings.frontDoorTokenHeader()),
        routes(settings.deployments()),
        URI.create(settings.routesUrl()),
        settings.serveUrl() != null,
        Version.current());
  }

  /**
   * Prints what to call once everything is served. With a local head, the user is probably trying
   * the product out.
   */
  private static final class Greeting {
    private final Settings settings;
    private final Credentials credentials;
    private boolean said;

    Greeting(Settings settings, Credentials credentials) {
      this.settings = settings;
      this.credentials = credentials;
      this.said = !settings.local() || !settings.logFormat().equals("text");
    }

    void publish(Status status) {
      if (said || !status.ready()) {
        return;
      }
      said = true;
      DoorSettings door = settings.door();
      String base =
          door == null
              ? settings.routesUrl()
              : (door.certificate() == null ? "http://" : "https://") + door.address();
      StringBuilder text = new StringBuilder("\nAll deployments answer. Try them:\n");
      for (DeclaredApplication deployment : settings.deployments()) {
        if (deployment.route() == null) {
          continue;
        }
        String body = deployment.probe() == null ? null : deployment.probe().bodyText();
        text.append("  curl ")
            .append(body == null ? "" : "-d '%s' ".formatted(body))
            .append(base)
            .append(deployment.route())
            .append('\n');
      }
      text.append("\n  dashboard  ").append(settings.dashboardUrl()).append("/#/serve\n");
      text.append("  status     http://").append(settings.status()).append("/status\n");
      List<String> variables = new ArrayList<>();
      if (settings.gcs().isLoopback()) {
        text.append("\nThe head listens on the loopback address only.");
        variables.add("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 RAY_ADDRESS=" + settings.gcs());
      }
      if (credentials.tokenRequired()) {
        text.append("\nThe head requires the token of ")
            .append(credentials.tokenSource())
            .append(", for which the dashboard asks.");
        Path file = credentials.tokenFile();
        variables.add(
            file == null
                ? "RAY_AUTH_MODE=token RAY_AUTH_TOKEN=\"$%s\"".formatted(credentials.tokenSource())
                : "RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH='%s'".formatted(file.toAbsolutePath()));
      }
      if (!variables.isEmpty()) {
        text.append("\nFor Ray's own tools, run\n  export ")
            .append(String.join(" ", variables))
            .append('\n');
      }
      text.append("\nCtrl-C stops the daemon and the Ray head that it started.\n");
      System.out.println(text);
    }
  }
}
