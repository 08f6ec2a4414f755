package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.direct.ReplicaDirectory;
import ai.seedcore.serve.daemon.handover.Handover;
import ai.seedcore.serve.daemon.handover.Predecessor;
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
import ai.seedcore.serve.daemon.report.HistoryFile;
import ai.seedcore.serve.daemon.rollout.Trials;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.daemon.status.StatusServer;
import ai.seedcore.serve.daemon.status.StatusToken;
import ai.seedcore.serve.daemon.trace.Tracing;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.FrontDoor;
import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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
   * The limit for the slowest part of the shutdown, and for the whole, without the time in which
   * the front door lingers and drains.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private static final Duration SHUTDOWN = Duration.ofMillis(9_800);

  /** How often the replicas are listed for the front door, and how long that may take. */
  private static final long DIRECTORY_MS = 500;

  private static final Duration DIRECTORY_DEADLINE = Duration.ofSeconds(2);

  /**
   * When the control loop counts as stuck, and when it ends the process. A lap takes milliseconds,
   * or seconds if nothing responds.
   */
  private static final Duration STUCK = Duration.ofSeconds(30);

  private static final Duration DEAD = Duration.ofMinutes(2);

  /** How long a door that replaces another one looks for upstreams before it listens. */
  private static final Duration UPSTREAMS = Duration.ofSeconds(5);

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
    OwnNode node =
        new OwnNode(settings, ray, credentials, startLog, store(settings, ray, cache), clock);
    Path socket = Handover.socket(cache.folder("run"), settings.status());
    Predecessor predecessor = settings.takeOver() ? predecessor(socket, settings) : null;
    if (predecessor == null) {
      node.endLeftovers();
      node.obstacle()
          .ifPresent(
              reason -> {
                throw new ConfigException("address: " + reason);
              });
    }
    ConfigWatch watch =
        new ConfigWatch(
            settings, options.file(System.getenv()), () -> options.load(System.getenv()), cache);

    settings
        .doorObstacle()
        .ifPresent(
            reason -> {
              throw new ConfigException(reason);
            });
    StatusToken token = new StatusToken(settings.statusTokenFile(), System.getenv());
    Vertx vertx = EventLoop.start();
    try (Watchdog watchdog = new Watchdog();
        Tracing tracing = tracing(settings);
        FrontDoor door = Doors.create(settings, tracing == null ? null : tracing.tracer());
        LazyMetrics metrics = new LazyMetrics(Version.current(), ray.version());
        StatusServer server =
            new StatusServer(vertx, settings.status(), token, metrics::scrape, watchdog::stuck)) {
      if (predecessor == null) {
        listen(door, server);
      }
      Http http = new Http(EventLoop.start());
      Runnable turns = watchdog.watch("the control loop", STUCK, DEAD);
      watchdog.watch("the event loop of the status port", vertx);
      watchdog.watch("the event loop of the cluster client", http.vertx());
      if (door != null) {
        watchdog.watch("the event loop of the front door", door.vertx());
      }
      Trials trials =
          new Trials(
              http.vertx(),
              () -> door == null ? null : door.status(),
              app -> {
                if (door != null) {
                  door.mirror(app);
                }
              });
      ReplicaDirectory directory = directory(settings, door, trials, credentials, http.vertx());
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
              trials::verdicts,
              new HistoryFile(history(cache, settings)),
              (status, declared) -> {
                turns.run();
                directory.declare(declared);
                trials.declare(declared);
                if (door != null) {
                  Doors.describe(door, settings, declared);
                  door.publish(
                      Doors.controlState(
                          status,
                          declared,
                          // Without a queue, nothing could wait here.
                          settings.holdRequests() == 0 ? Set.of() : directory.scaledToZero()));
                }
                server.publish(status);
                metrics.publish(status);
                if (tracing != null) {
                  tracing.publish(status);
                }
                greeting.publish(status);
                systemd.ifPresent(service -> service.publish(status));
                if (notifier != null) {
                  notifier.publish(status);
                }
              });
      if (predecessor != null && !replace(predecessor, door, server, systemd)) {
        return 1;
      }
      Handover handover =
          new Handover(
              socket,
              systemd.map(Systemd::watchdog).orElse(Duration.ZERO),
              predecessor == null ? Duration.ZERO : FrontDoor.ESTABLISHING.plusSeconds(1),
              supervisor::pause);
      log.atInfo()
          .addKeyValue("version", Version.current())
          .addKeyValue("address", settings.gcs())
          .addKeyValue("ray", ray.version())
          .addKeyValue("status", "http://" + settings.status())
          .addKeyValue(
              "deployments",
              settings.deployments().stream().map(DeclaredApplication::name).toList())
          .log("started");
      Duration drain = Duration.ofSeconds(settings.frontDoorDrainSeconds());
      Duration linger =
          door == null ? Duration.ZERO : Duration.ofSeconds(settings.frontDoorLingerSeconds());
      Duration patience = linger.isZero() ? SHUTDOWN : SHUTDOWN.plus(linger).plus(drain);
      Signal signal = new Signal(supervisor, patience);
      Runtime.getRuntime().addShutdownHook(signal);
      supervisor.run();
      boolean replaced = false;
      while (handover.isAsked() && !signal.came && !replaced) {
        log.atInfo().log("another daemon takes over");
        server.close();
        supervisor.release();
        replaced = handover.leave();
        if (!replaced) {
          log.atWarn().log("the other daemon has ended; this one goes on");
          server.listen();
          supervisor.run();
        }
      }
      if (replaced) {
        watchdog.close(); // The control loop no longer turns.
        directory.reportApart();
        supervisor.leave();
        if (door != null) {
          signal.interrupts(Thread.currentThread());
          door.finish(FrontDoor.ESTABLISHING, drain);
          door.close();
        }
      } else {
        handover.close();
        systemd.ifPresent(manager -> manager.stopping(patience));
        if (door != null && !linger.isZero()) {
          watchdog.close(); // The control loop no longer turns.
          door.leave();
          server.leave();
          if (!settings.shutdownApps()) {
            supervisor.release(); // Another daemon can lead meanwhile.
          }
          door.finish(linger, linger.plus(drain));
        }
        if (door != null) {
          door.close();
        }
        supervisor.close(PATIENCE);
      }
      if (tracing != null) {
        tracing.close();
      }
      log.atInfo().log("ended");
      Logging.flush();
      signal.ended.countDown();
      if (replaced) {
        return 0;
      }
      // The signal determines the exit code: the JVM is already shutting down.
      Thread.sleep(Long.MAX_VALUE);
      return 0;
    }
  }

  /** What a signal starts: the end of the daemon, for which it waits. */
  private static final class Signal extends Thread {
    private final Supervisor supervisor;
    private final Duration patience;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean came;
    private @Nullable Thread finishing;

    /**
     * Creates the hook.
     *
     * @param patience how long the end may take
     */
    Signal(Supervisor supervisor, Duration patience) {
      super("signal");
      this.supervisor = supervisor;
      this.patience = patience;
    }

    /** Sets the thread that need not finish everything once a signal has come. */
    synchronized void interrupts(Thread thread) {
      finishing = thread;
      if (came) {
        thread.interrupt();
      }
    }

    private synchronized void come() {
      came = true;
      supervisor.stop();
      if (finishing != null) {
        finishing.interrupt();
      }
    }

    @Override
    public void run() {
      come();
      try {
        ended.await(patience.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Starts to export traces; returns null if they are not wanted. */
  private static @Nullable Tracing tracing(Settings settings) {
    return settings.otlpEndpoint() != null || Tracing.isWanted(System.getenv())
        ? Tracing.start(settings.otlpEndpoint(), Version.current())
        : null;
  }

  /** Returns the file of this daemon's history, by the address of its status port. */
  private static Path history(Cache cache, Settings settings) throws IOException {
    return cache
        .folder("history")
        .resolve("%s.json".formatted(settings.status().toString().replaceAll("[^\\w.-]", "_")));
  }

  /** Returns the daemon to be replaced; null if none runs. */
  private static @Nullable Predecessor predecessor(Path socket, Settings settings) {
    Predecessor found = Predecessor.find(socket).orElse(null);
    String service = System.getenv("MAINPID"); // If systemd reloads the service.
    if (service != null && (found == null || !service.equals(Long.toString(found.pid())))) {
      throw new ConfigException(
          "take_over: the service's daemon, process %s, cannot be found by status: %s; expected the address that it has: restart the service"
              .formatted(service, settings.status()));
    }
    return found;
  }

  private static void listen(@Nullable FrontDoor door, StatusServer server) {
    if (door != null) {
      door.listen(false);
    }
    server.listen();
  }

  /**
   * Takes another daemon's place. Its front door and this one accept connections at the same time,
   * so that none is refused.
   *
   * @return whether it worked; otherwise the other daemon goes on, or a service manager restarts
   * @throws ConfigException if nothing has changed
   */
  private static boolean replace(
      Predecessor predecessor,
      @Nullable FrontDoor door,
      StatusServer server,
      Optional<Systemd> systemd)
      throws InterruptedException {
    Logger log = LoggerFactory.getLogger(RunCommand.class);
    if (door != null) {
      door.awaitUpstreams(UPSTREAMS);
      door.listen(true);
    }
    predecessor.ask();
    if (systemd.isPresent() && !systemd.get().takeOver(predecessor.watchdog())) {
      return false; // It would restart the service when the other daemon ends.
    }
    if (!predecessor.awaitLeft()) {
      log.atError()
          .addKeyValue("pid", predecessor.pid())
          .log("the daemon that is to be replaced is stuck");
      return false;
    }
    try {
      server.listen();
    } catch (ConfigException e) {
      log.atError().addKeyValue("error", e.getMessage()).log("cannot take over");
      return false;
    }
    predecessor.taken();
    log.atInfo()
        .addKeyValue("pid", predecessor.pid())
        .log("took over from the daemon that ran here");
    return true;
  }

  /** Returns the folder in which our own head keeps its state; null if it forgets it. */
  private static @Nullable Path store(Settings settings, RayInstall ray, Cache cache)
      throws IOException {
    if (!settings.remember()) {
      return null;
    }
    if (!ray.keepsState()) {
      throw new ConfigException(
          "remember: found Ray %s, whose GCS cannot keep its state in a folder, expected a version with RocksDB, such as 2.60.0"
              .formatted(ray.version()));
    }
    return cache.folder("head").resolve("gcs-%d".formatted(settings.gcs().port()));
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

  /** Starts to look for replicas that can be reached without a proxy. */
  private static ReplicaDirectory directory(
      Settings settings,
      @Nullable FrontDoor door,
      Trials trials,
      Credentials credentials,
      Vertx vertx) {
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
              DoorStatus now = door == null ? null : door.status();
              return now == null ? Map.of() : now.load();
            },
            listing -> {
              Versions versions = listing.versions();
              trials.list(listing.key(), listing.replicas(), versions.onTrial());
              if (door != null) {
                door.trials(versions.held(), versions.onTrial());
                door.replicas(listing.key(), listing.replicas());
              }
            });
    directory.declare(settings.deployments());
    vertx.setPeriodic(DIRECTORY_MS, timer -> directory.poll());
    return directory;
  }
}
