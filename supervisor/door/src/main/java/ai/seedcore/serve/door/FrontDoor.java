package ai.seedcore.serve.door;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.EventLoop;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.SharedPorts;
import ai.seedcore.serve.door.client.Clients;
import ai.seedcore.serve.door.client.Connections;
import ai.seedcore.serve.door.client.Handshakes;
import ai.seedcore.serve.door.client.Http2Switch;
import ai.seedcore.serve.door.client.Pace;
import ai.seedcore.serve.door.client.Room;
import ai.seedcore.serve.door.client.Tls;
import ai.seedcore.serve.door.queue.RouteQueue;
import ai.seedcore.serve.door.request.Cors;
import ai.seedcore.serve.door.request.Counts;
import ai.seedcore.serve.door.request.Dispatcher;
import ai.seedcore.serve.door.request.Mirror;
import ai.seedcore.serve.door.request.Refusals;
import ai.seedcore.serve.door.request.Router;
import ai.seedcore.serve.door.request.Services;
import ai.seedcore.serve.door.request.Unpacking;
import ai.seedcore.serve.door.upstream.Proxies;
import ai.seedcore.serve.door.upstream.Replica;
import ai.seedcore.serve.door.upstream.Replicas;
import ai.seedcore.serve.door.upstream.Upstreams;
import io.opentelemetry.api.trace.Tracer;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP front door, to which clients send their requests instead of to Serve's proxies. While a
 * route is served, the door forwards its requests. While it is not served, the door queues them, in
 * order and within bounds, and sends them once the route is served again.
 *
 * <p>The whole door runs on one event loop of its own. So it needs no locks, it keeps the order of
 * arrival, and the control loop never waits for it.
 */
public final class FrontDoor implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(FrontDoor.class);

  /** The interval at which deadlines are checked. */
  private static final long TICK_MS = 100;

  private static final long POLL_MS = 20;

  /** The interval at which the files of tokens and of the certificate are read again. */
  private static final long RENEWAL_MS = 10_000;

  /** How long responses that have begun may take after the daemon starts to shut down. */
  private static final Duration SHUTDOWN_GRACE = Duration.ofSeconds(2);

  /**
   * How long a connection may take to be established, with one retransmission, before a door that
   * is replaced stops listening.
   */
  public static final Duration ESTABLISHING = Duration.ofSeconds(2);

  private static final long SWEEP_NANOS = 1_000_000_000L;

  private final DoorSettings settings;
  private final SharedPorts ports = new SharedPorts();
  private final Vertx vertx;
  private final Context context;
  private final HttpServer server;
  private final Upstreams upstreams;
  private final Connections connections;
  private final Dispatcher dispatcher;
  private final Refusals refusals;
  private final Renewal renewal;
  private final Mirror mirror;
  private final Room bytes;
  private final Counts counts = new Counts();
  private final URI upstream;
  private final boolean onlyProxy;
  private long sweptAt = System.nanoTime();

  /** The routes that the event loop has been given. Used by the control thread only. */
  private List<Route> declared;

  private Set<String> nodes = Set.of();
  private Set<String> idle = Set.of();
  private boolean replacing;
  private boolean closed;

  private volatile boolean leaving;
  private volatile @Nullable Function<DoorTokens, String> document;
  private volatile @Nullable DoorStatus lastStatus;
  private volatile DoorTokens valid;

  /**
   * Creates the door. It begins to look for upstreams, and does not listen yet.
   *
   * @param tokens returns the tokens of which clients have to send one; asked again from time to
   *     time, on a thread that may block
   * @param declared the declared routes
   * @param upstream the URL of the head node's proxy
   * @param onlyProxy whether that proxy is the only one, because the user named it
   * @param tracer creates the spans of requests; null: they are not traced
   */
  public FrontDoor(
      DoorSettings settings,
      Supplier<DoorTokens> tokens,
      List<Route> declared,
      URI upstream,
      boolean onlyProxy,
      String version,
      @Nullable Tracer tracer) {
    this.settings = settings;
    this.onlyProxy = onlyProxy;
    this.valid = tokens.get();
    this.declared = declared;
    this.vertx = EventLoop.startBusy(ports);
    this.context = vertx.getOrCreateContext();
    this.bytes = new Room(settings.bytes());
    Room waiting = new Room(settings.requests());
    Clients clients = new Clients(settings.trusted());
    Pace pace = new Pace(vertx, context);
    this.connections =
        new Connections(
            settings.connections(),
            settings.idle(),
            settings.header(),
            clients,
            bytes,
            pace,
            counts::refused);
    this.refusals = new Refusals(settings, bytes, waiting);
    this.upstream = upstream;
    boolean samePort = settings.address().port() == HostPort.of(upstream).port();
    this.upstreams =
        new Upstreams(
            new Proxies(
                vertx,
                context,
                upstream,
                samePort ? HostPort.ownAddresses() : Set.of(),
                this::routesAdded),
            new Replicas(vertx, context, this::routesAdded));
    HttpClient http = Http.client(vertx, 4 * RouteQueue.MAX_WINDOW);
    String via =
        "1.1 seedcore-" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
    this.mirror =
        new Mirror(http, upstreams.replicas(), via, settings.contractCodes(), () -> valid);
    Services services =
        new Services(
            settings,
            vertx,
            http,
            upstreams,
            clients,
            new Unpacking(vertx),
            pace,
            bytes,
            waiting,
            counts,
            refusals,
            via,
            new Cors(settings.origins()),
            mirror,
            tracer,
            () -> valid);
    this.dispatcher = new Dispatcher(services, context);
    Router router =
        new Router(services, dispatcher, connections, () -> leaving, () -> document, version);
    this.server =
        vertx
            .createHttpServer(
                options(settings, vertx, new Handshakes(clients, bytes, pace, settings.http2())))
            .connectionHandler(connections::connected)
            .invalidRequestHandler(router::invalid)
            .requestHandler(router::handle);
    if (settings.http2()) {
      connections.acceptHttp2(new Http2Switch(context, connections::connected, router::handle));
    }
    this.renewal = new Renewal(settings, vertx, server, valid, tokens, now -> valid = now);
    context.runOnContext(nothing -> open(declared));
  }

  /**
   * Waits until the door knows where to send the requests of all declared routes, so that it need
   * not queue them when it listens.
   *
   * @param limit how long to wait: a route may be down
   */
  public void awaitUpstreams(Duration limit) throws InterruptedException {
    CountDownLatch known = new CountDownLatch(1);
    List<Route> wanted = declared;
    long end = System.nanoTime() + limit.toNanos();
    context.runOnContext(
        nothing ->
            vertx.setPeriodic(
                0,
                POLL_MS,
                timer -> {
                  if (wanted.stream().allMatch(upstreams::serves) || System.nanoTime() - end > 0) {
                    vertx.cancelTimer(timer);
                    known.countDown();
                  }
                }));
    known.await();
  }

  /**
   * Listens.
   *
   * @param replaces whether another process's door, which this one replaces, listens as well
   * @throws ConfigException if the door cannot listen on its address; then it is closed
   */
  public void listen(boolean replaces) {
    HostPort address = settings.address();
    try {
      if (!replaces) {
        SharedPorts.requireFree(address);
      }
      EventLoop.listen(server, address);
    } catch (IOException e) {
      vertx.close();
      throw new ConfigException(
          "front_door: found %s, but cannot listen on it (%s), expected a free port%s"
              .formatted(
                  address,
                  e.getMessage(),
                  settings.certificate() == null
                      ? "; choose one with --front-door HOST:PORT"
                      : ", and a certificate with a matching key"));
    }
    LOG.atInfo()
        .addKeyValue("address", address)
        .addKeyValue("proxy", upstream)
        .log("the front door is listening");
  }

  private static HttpServerOptions options(
      DoorSettings settings, Vertx vertx, Handshakes handshakes) {
    HttpServerOptions options =
        Connections.HEAD
            .options()
            .setPerFrameWebSocketCompressionSupported(false)
            .setPerMessageWebSocketCompressionSupported(false)
            .setCompressionSupported(true)
            .setCompressionContentSizeThreshold(Connections.COMPRESSED_FROM)
            .setAcceptBacklog(4096);
    if (settings.certificate() != null && settings.key() != null) {
      Tls.configure(options, vertx, settings.certificate(), settings.key(), handshakes);
    }
    return options;
  }

  private void routesAdded() {
    dispatcher.routesAdded();
  }

  private void open(List<Route> first) {
    dispatcher.declare(first);
    tick();
    vertx.setPeriodic(TICK_MS, timer -> tick());
    vertx.setPeriodic(RENEWAL_MS, timer -> vertx.executeBlocking(renewal, false));
  }

  /** Passes the control loop's state to the door. Called on the control thread; never blocks. */
  public void publish(ControlState now) {
    refusals.publish(now);
    if (!now.routes().equals(declared)) {
      declared = now.routes();
      context.runOnContext(nothing -> dispatcher.declare(now.routes()));
    }
    if (!now.idle().equals(idle)) {
      idle = now.idle();
      context.runOnContext(nothing -> dispatcher.idle(now.idle()));
    }
    if (now.replacing() != replacing) {
      replacing = now.replacing();
      context.runOnContext(nothing -> dispatcher.pause(now.replacing()));
    }
    if (!onlyProxy && !now.nodes().isEmpty() && !now.nodes().equals(nodes)) {
      nodes = now.nodes();
      context.runOnContext(nothing -> upstreams.proxies().nodes(now.nodes()));
    }
  }

  /**
   * Sets what returns the OpenAPI document of the routes. It is called when somebody asks for the
   * document, one call at a time, on a thread that may block. Called on any thread.
   *
   * @param openApi receives the tokens that the door demands
   */
  public void describe(Function<DoorTokens, String> openApi) {
    document = openApi;
  }

  /**
   * Replaces the list of replicas that may have a direct path. Called on any thread; never blocks.
   *
   * @param key the key with which they prove their identity
   */
  public void replicas(String key, List<Replica.Endpoint> endpoints) {
    context.runOnContext(nothing -> upstreams.replicas().set(key, endpoints));
  }

  /**
   * Sets the versions that must not serve. Called on any thread; never blocks.
   *
   * @param held content versions whose replicas get no clients' requests, by application
   * @param onTrial those of them whose replicas may get copies of requests
   */
  public void trials(Map<String, String> held, Map<String, String> onTrial) {
    context.runOnContext(
        nothing -> {
          mirror.trials(onTrial);
          upstreams.replicas().trials(held);
        });
  }

  /** Begins to send copies of an application's requests to its version on trial. */
  public void mirror(String app) {
    context.runOnContext(nothing -> mirror.begin(app));
  }

  /** Returns the event loop on which the door runs. */
  public Vertx vertx() {
    return vertx;
  }

  /**
   * Returns the door's current figures, which are updated several times a second; null before the
   * first update.
   */
  public @Nullable DoorStatus status() {
    return lastStatus;
  }

  private void tick() {
    long now = System.nanoTime();
    dispatcher.tick(now);
    if (now - sweptAt > SWEEP_NANOS) {
      sweptAt = now;
      connections.sweep(now);
      dispatcher.sweep(now);
    }
    lastStatus =
        new DoorStatus(
            settings.address().toString(),
            dispatcher.waiting(),
            dispatcher.inFlight(),
            bytes.used(),
            connections.size(),
            counts.heldSoFar(),
            counts.replayedSoFar(),
            counts.hedgedSoFar(),
            counts.refusedSoFar(),
            counts.answeredSoFar(),
            counts.timingsSoFar(),
            dispatcher.load(),
            upstreams.proxies().all().stream()
                .map(
                    proxy ->
                        new DoorStatus.ProxyStatus(
                            proxy.uri().toString(), !proxy.routes().isEmpty()))
                .toList(),
            upstreams.replicas().all().stream()
                .map(
                    replica ->
                        new DoorStatus.ReplicaStatus(
                            replica.endpoint().app(),
                            replica.named().toString(),
                            replica.state(now).name().toLowerCase(Locale.ROOT),
                            replica.version(),
                            replica.inFlight().size()))
                .toList(),
            mirror.comparisons());
  }

  /** Makes health checks fail, so that load balancers choose another door. */
  public void leave() {
    leaving = true;
  }

  /**
   * Finishes what it has, because another process's door gets the new connections, or soon will.
   * Clients learn that they need new ones. Returns when no connection is left, when the time is up,
   * or when the thread is interrupted.
   *
   * @param accepting how long new connections are still accepted
   * @param limit how long everything may take; if {@code accepting} is longer, that long
   */
  public void finish(Duration accepting, Duration limit) {
    CountDownLatch finished = new CountDownLatch(1);
    context.runOnContext(
        nothing -> {
          connections.endSoon();
          dispatcher.pause(false); // Nobody would say that Serve is back.
          // Clients whose connections are still being established get one from this door.
          vertx.setTimer(accepting.toMillis(), timer -> ports.stopListening());
          vertx.setPeriodic(
              accepting.toMillis(),
              TICK_MS,
              timer -> {
                if (connections.size() == 0) {
                  finished.countDown();
                }
              });
        });
    try {
      long most = Math.max(limit.toMillis(), accepting.toMillis() + 2 * TICK_MS);
      boolean all = finished.await(most, TimeUnit.MILLISECONDS);
      DoorStatus last = lastStatus;
      LOG.atInfo()
          .addKeyValue("connections", all || last == null ? 0 : last.connections())
          .log("the front door has finished");
    } catch (InterruptedException e) {
      LOG.debug("the door does not finish");
    }
  }

  /** Stops accepting requests, and gives responses that have begun a moment to complete. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    context.runOnContext(nothing -> dispatcher.close());
    try {
      server
          .shutdown(SHUTDOWN_GRACE.toMillis(), TimeUnit.MILLISECONDS)
          .toCompletionStage()
          .toCompletableFuture()
          .get(SHUTDOWN_GRACE.toMillis() + 500, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.atDebug().addKeyValue("error", e).log("the front door did not close in time");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    vertx.close();
  }
}
