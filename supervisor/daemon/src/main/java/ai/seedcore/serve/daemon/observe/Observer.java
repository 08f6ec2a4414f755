package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.config.RayNodes;
import ai.seedcore.serve.daemon.rollout.Versions;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Collects one {@link Observation} with concurrent requests. The GCS reports the head, the session
 * and Serve's controller. It is the first to come up and the most reliable. The dashboard reports
 * which applications Serve runs. The proxy and the probes show what is really served.
 */
public final class Observer {

  /** How long the last observation stays valid while the GCS is silent. */
  static final Duration GRACE = Duration.ofSeconds(6);

  /** How long a look waits for each optional response. */
  private static final Duration PATIENCE = Duration.ofMillis(150);

  /** How long the GCS may take before the connection is reconsidered. */
  private static final Duration LATE = Duration.ofMillis(200);

  /** How long rarely changing values stay fresh. A starting head has other work to do. */
  private static final Duration RARE_INTERVAL = Duration.ofSeconds(10);

  /** How long the route table stays fresh. A starting proxy has other work to do, too. */
  private static final Duration TABLE_INTERVAL = Duration.ofMillis(400);

  private static final Duration ROUTES = Duration.ofSeconds(3);

  /** How long after new declarations the resources for other versions are looked at. */
  private static final Duration NEW = Duration.ofMinutes(10);

  /** How long an application may be starting before the observer looks for the cause. */
  private static final Duration SLOW = Duration.ofSeconds(30);

  private final Duration patience;
  private final Gcs gcs;
  private final String gcsName;
  private final Http http;
  private final Dashboard dashboard;
  private final String routesUrl;
  private final PendingCall<Optional<String>> version;
  private final PendingCall<Nodes> nodes;
  private final PendingCall<Serve> controller;
  private final PendingCall<Serve> page;
  private final PendingCall<Optional<String>> dashboardAddress;
  private final PendingCall<Optional<JsonNode>> table;
  private final PendingCall<Optional<Map<String, Map<String, Double>>>> available;
  private final PendingCall<Optional<Versions>> versions;
  private final Replicas replicas;
  private final Map<String, Long> startingSince = new HashMap<>();
  private final Set<String> ours = new HashSet<>();
  private List<DeclaredApplication> declared = List.of();
  private long declaredAt;
  private Map<DeclaredApplication, Probing> probes = Map.of();
  private String session = "";
  private @Nullable Observation last;
  private long lastAt;
  private volatile boolean silent;

  /**
   * The living nodes.
   *
   * @param head the head's node id; null if it is not registered yet
   * @param local the address of a node of this machine; null if there is none
   * @param all the addresses of all living nodes
   * @param alive the nodes themselves
   */
  private record Nodes(
      @Nullable String head, @Nullable String local, Set<String> all, List<Gcs.Node> alive) {
    static final Nodes NONE = new Nodes(null, null, Set.of(), List.of());
  }

  /**
   * Creates an observer for one cluster.
   *
   * @param gcsName the name of the GCS in reasons
   * @param routesUrl the base URL of the routes, without a trailing slash
   */
  public Observer(
      Gcs gcs,
      String gcsName,
      Http http,
      Dashboard dashboard,
      String routesUrl,
      List<DeclaredApplication> declared) {
    this(gcs, gcsName, http, dashboard, routesUrl, declared, PATIENCE);
  }

  /** Creates an observer that waits longer for each optional response. */
  Observer(
      Gcs gcs,
      String gcsName,
      Http http,
      Dashboard dashboard,
      String routesUrl,
      List<DeclaredApplication> declared,
      Duration patience) {
    this.patience = patience;
    this.gcs = gcs;
    this.gcsName = gcsName;
    this.http = http;
    this.routesUrl = routesUrl;
    this.version =
        new PendingCall<>(
            () ->
                gcs.rayVersion()
                    .thenApply(told -> Optional.of(Foreign.name(told)))
                    .exceptionally(e -> Optional.empty()),
            RARE_INTERVAL);
    this.nodes =
        new PendingCall<>(
            // Runs outside the gRPC thread, because a name may have to be resolved.
            () -> gcs.nodes().thenApplyAsync(Observer::read).exceptionally(e -> Nodes.NONE),
            RARE_INTERVAL);
    this.controller = new PendingCall<>(this::askController, Duration.ZERO);
    this.page = new PendingCall<>(dashboard::serve, Duration.ZERO);
    this.dashboardAddress =
        new PendingCall<>(
            () -> gcs.get("dashboard", "dashboard").exceptionally(e -> Optional.empty()),
            RARE_INTERVAL);
    this.dashboard = dashboard;
    this.table = new PendingCall<>(this::askTable, TABLE_INTERVAL);
    this.available =
        new PendingCall<>(
            () -> gcs.available().thenApply(Optional::of).exceptionally(e -> Optional.empty()),
            RARE_INTERVAL);
    this.versions =
        new PendingCall<>(
            () ->
                gcs.get(Versions.NAMESPACE, Versions.KEY)
                    .thenApply(text -> Optional.of(text.map(Versions::parse).orElse(Versions.NONE)))
                    .exceptionally(e -> Optional.empty()),
            Duration.ZERO);
    this.replicas = new Replicas(gcs);
    declare(declared);
  }

  /** Replaces the deployments to observe. */
  public void declare(List<DeclaredApplication> applications) {
    declared = List.copyOf(applications);
    declaredAt = System.nanoTime();
    available.forget();
    Map<DeclaredApplication, Probing> next = new LinkedHashMap<>();
    for (DeclaredApplication deployment : applications) {
      Probe probe = deployment.probe();
      if (probe != null) {
        Probing known =
            probes.entrySet().stream()
                .filter(each -> each.getKey().name().equals(deployment.name()))
                .filter(each -> Objects.equals(each.getKey().route(), deployment.route()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
        next.put(
            deployment,
            known == null
                ? new Probing(
                    http, routesUrl + deployment.route(), deployment.name(), probe, replicas)
                : known.with(probe));
      }
      if (deployment instanceof DeclaredJava) {
        ours.add(deployment.name()); // This includes deployments that are no longer declared.
      }
    }
    probes.forEach(
        (deployment, probe) -> {
          if (!next.containsValue(probe)) {
            probe.forget();
          }
        });
    probes = next;
  }

  /**
   * Takes a full look.
   *
   * @param askPage whether to ask the dashboard for Serve's applications. A dashboard that has just
   *     started needs a second of processor time for it, which others may need more
   */
  public Observation look(boolean askPage) {
    CompletableFuture<Optional<String>> asked = gcs.get("session", "session_name");
    version.ask();
    nodes.ask();
    controller.ask();
    table.ask();
    dashboardAddress.ask();
    versions.ask();
    Optional<Observation> trouble = identify(asked);
    if (trouble.isPresent()) {
      return trouble.get();
    }
    dashboardAddress.within(Duration.ZERO).flatMap(told -> told).ifPresent(dashboard::toldBy);
    if (dashboardAddress.last().flatMap(told -> told).isEmpty()) {
      dashboardAddress.forget(); // The dashboard has not registered yet. The next look asks again.
    }
    Optional<String> rayVersion = version.within(patience).flatMap(told -> told);
    Nodes known = nodes.within(patience).orElse(Nodes.NONE);
    if (rayVersion.isEmpty()) {
      version.forget();
    }
    if (known.head() == null || known.local() == null) {
      nodes.forget(); // Not all nodes have registered yet. The next look asks again.
    }
    Set<String> listed = listed();
    Map<String, Route> routes = new LinkedHashMap<>();
    for (Map.Entry<DeclaredApplication, Probing> probe : probes.entrySet()) {
      if (listed == null || listed.contains(probe.getKey().name())) {
        probe.getValue().ask();
      } else {
        probe.getValue().forget();
      }
    }
    probes.forEach(
        (deployment, probe) -> {
          if (listed == null || listed.contains(deployment.name())) {
            probe.within(patience).ifPresent(route -> routes.put(deployment.name(), route));
          }
        });
    unprobed(listed, routes);
    Serve serve = serve(askPage);
    routes.replaceAll((app, route) -> checkBusy(app, route, serve));
    Map<String, Duration> starting = starting(serve);
    return remember(
        new Observation(
            new Head.Up(
                new Identity(session, known.head()),
                rayVersion.orElse(Head.VERSION_UNKNOWN),
                known.local(),
                known.all()),
            serve,
            listed,
            routes,
            orphans(serve, starting),
            starting,
            capacity(known, starting, serve),
            versions.within(patience).flatMap(told -> told).orElse(null),
            Map.of(),
            true,
            false));
  }

  /**
   * Adds the routes of applications without a probe: the proxy's list has to do. An unknown list is
   * not an outage for a while.
   */
  private void unprobed(@Nullable Set<String> listed, Map<String, Route> routes) {
    Instant now = Instant.now();
    for (DeclaredApplication application : declared) {
      String name = application.name();
      Route before = last == null ? null : last.routes().get(name);
      if (application.probe() != null) {
        continue;
      }
      if (listed != null && listed.contains(name)) {
        routes.put(name, Route.listed(now));
      } else if (listed == null && before != null && now.isBefore(before.at().plus(GRACE))) {
        routes.put(name, before);
      }
    }
  }

  /**
   * Corrects a busy route. Replicas are also at work while they start. So a route counts as busy
   * only if a replica runs or, if Serve's applications are unknown, if the route was served before.
   */
  private Route checkBusy(String app, Route route, Serve serve) {
    if (!route.busy()) {
      return route;
    }
    Route before = last == null ? null : last.routes().get(app);
    boolean runs = before != null && before.serves();
    if (serve instanceof Serve.Running running) {
      Serve.Application known = running.apps().get(app);
      runs = known != null && known.replicas() > 0;
    }
    return runs ? route : new Route(false, Probing.SILENCE, route.millis(), route.at(), true);
  }

  /** Returns how long each application that Serve is deploying has been starting. */
  private Map<String, Duration> starting(Serve serve) {
    if (!(serve instanceof Serve.Running running)) {
      return Map.of();
    }
    Map<String, Duration> starting = new LinkedHashMap<>();
    for (DeclaredApplication deployment : declared) {
      Serve.Application app = running.apps().get(deployment.name());
      if (app != null && app.status().equals("DEPLOYING")) {
        long since = startingSince.computeIfAbsent(deployment.name(), n -> System.nanoTime());
        starting.put(deployment.name(), Duration.ofNanos(System.nanoTime() - since));
      }
    }
    startingSince.keySet().retainAll(starting.keySet());
    return starting;
  }

  private List<Orphan> orphans(Serve serve, Map<String, Duration> starting) {
    boolean known = serve instanceof Serve.Running;
    replicas.ask(known && isSlow(starting));
    return serve instanceof Serve.Running running
        ? replicas.orphans(running, ours, patience)
        : List.of();
  }

  private static boolean isSlow(Map<String, Duration> starting) {
    return starting.values().stream().anyMatch(age -> age.compareTo(SLOW) > 0);
  }

  /**
   * Returns the nodes' resources if an application is slow to start, or if a version of one may
   * have to be replaced; otherwise {@link Capacity#UNKNOWN}.
   */
  private Capacity capacity(Nodes nodes, Map<String, Duration> starting, Serve serve) {
    boolean changes =
        serve instanceof Serve.Running && System.nanoTime() - declaredAt < NEW.toNanos();
    if (!changes && !isSlow(starting)) {
      return Capacity.UNKNOWN;
    }
    Map<String, Map<String, Double>> free =
        available.within(patience).flatMap(told -> told).orElse(Map.of());
    if (free.isEmpty()) {
      return Capacity.UNKNOWN;
    }
    return new Capacity(
        nodes.alive().stream()
            .map(
                node ->
                    new Capacity.Node(
                        node.address(), node.resources(), free.getOrDefault(node.id(), Map.of())))
            .toList(),
        replicas.known(patience).orElse(List.of()).stream()
            .map(
                actor ->
                    new Capacity.Holder(
                        actor.name().isEmpty() ? "actor " + actor.id() : Foreign.name(actor.name()),
                        actor.resources()))
            .toList());
  }

  /**
   * Takes a glance: asks for the session and the proxy's routes, two cheap requests. Takes a full
   * look instead if the routes are not the declared ones, or if the last probe of a route was
   * silent.
   */
  public Observation glance() {
    CompletableFuture<Optional<String>> asked = gcs.get("session", "session_name");
    table.ask();
    String before = session;
    Optional<Observation> trouble = identify(asked);
    if (trouble.isPresent()) {
      return trouble.get();
    }
    Set<String> listed = listed();
    boolean all = listed != null && listed.size() == declared.size();
    return all && last != null && last.full() && session.equals(before) && !doubtful()
        ? new Observation(
            last.head(),
            last.serve(),
            listed,
            last.routes(),
            last.orphans(),
            last.starting(),
            last.capacity(),
            last.versions(),
            Map.of(),
            false,
            false)
        : look(true);
  }

  /**
   * Returns whether the last request to the GCS had no response. Then it is worth asking again at
   * once.
   */
  public boolean silent() {
    return silent;
  }

  private boolean doubtful() {
    return probes.values().stream().anyMatch(Probing::doubtful);
  }

  /** Waits for a response, which has a deadline of its own. */
  private Optional<String> answer(CompletableFuture<Optional<String>> asked) {
    while (!asked.isDone()) {
      try {
        return asked.get(LATE.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        gcs.reconsider();
      } catch (ExecutionException e) {
        break;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    return asked.join();
  }

  /** Reads the session. If that fails, returns the observation to report instead. */
  private Optional<Observation> identify(CompletableFuture<Optional<String>> asked) {
    String now;
    try {
      now = answer(asked).map(Foreign::name).orElse("");
      silent = false;
    } catch (CompletionException e) {
      silent = GcsFailure.silent(e);
      boolean holds = silent && last != null && System.nanoTime() - lastAt < GRACE.toNanos();
      if (!holds) {
        session = "";
        last = null;
      }
      return Optional.of(
          holds && last != null
              ? last.hold()
              : Observation.down("GCS %s %s".formatted(gcsName, GcsFailure.reason(e))));
    }
    if (now.isEmpty()) {
      return Optional.of(
          Observation.down("GCS %s has no session yet: the head is starting".formatted(gcsName)));
    }
    lastAt = System.nanoTime();
    if (!now.equals(session)) {
      session = now;
      version.forget();
      nodes.forget();
      controller.forget();
      page.forget();
      dashboardAddress.forget();
      table.forget();
      available.forget();
      versions.forget();
      replicas.forget();
      startingSince.clear();
      probes.values().forEach(Probing::forget);
    }
    return Optional.empty();
  }

  private Observation remember(Observation observation) {
    last = observation;
    return observation;
  }

  private static Nodes read(List<Gcs.Node> all) {
    Set<String> own = HostPort.ownAddresses();
    String head = null;
    String local = null;
    Set<String> addresses = new TreeSet<>();
    List<Gcs.Node> alive = new ArrayList<>();
    for (Gcs.Node node : all) {
      if (node.alive()) {
        alive.add(node);
        addresses.add(Foreign.name(node.address()));
        head = node.head() ? node.id() : head;
        local = own.contains(node.address()) || isHere(node) ? node.address() : local;
      }
    }
    return new Nodes(head, local, addresses, alive);
  }

  /**
   * Returns whether a node runs on this machine although its address is not one of the machine's
   * own. The address may be a name, or belong to a router in front of the machine. Then the
   * raylet's command line or name resolution decides.
   */
  private static boolean isHere(Gcs.Node node) {
    return RayNodes.addresses().contains(node.address()) || HostPort.isThisMachine(node.address());
  }

  private CompletableFuture<Serve> askController() {
    return gcs.actor("serve", "SERVE_CONTROLLER_ACTOR")
        .thenApply(
            found ->
                found
                    .<Serve>map(id -> new Serve.Opaque(id, "the dashboard does not show Serve yet"))
                    .orElse(new Serve.Absent()))
        .exceptionally(
            e -> new Serve.Unknown("GCS %s %s".formatted(gcsName, GcsFailure.reason(e))));
  }

  /**
   * Combines both sources: the GCS knows whether Serve runs, the dashboard which applications it
   * runs.
   */
  private Serve serve(boolean askPage) {
    Serve told =
        controller.within(patience).orElse(new Serve.Unknown("the GCS has not answered yet"));
    if (!(told instanceof Serve.Opaque there)) {
      return told;
    }
    Serve shown =
        askPage
            ? page.within(patience).orElse(new Serve.Unknown("the dashboard has not answered yet"))
            : page.last() // Keep reporting the last error until the dashboard is asked again.
                .filter(Serve.Unknown.class::isInstance)
                .orElse(new Serve.Unknown("the dashboard has not been queried yet"));
    if (shown instanceof Serve.Unknown unknown) {
      return new Serve.Opaque(there.controller(), unknown.reason());
    }
    return shown instanceof Serve.Running running && running.controller().equals(there.controller())
        ? running
        : there;
  }

  private CompletableFuture<Optional<JsonNode>> askTable() {
    return http.get(routesUrl + "/-/routes", ROUTES)
        .thenApply(
            answer -> answer.status() == 200 ? parse(answer.body()) : Optional.<JsonNode>empty())
        .exceptionally(e -> Optional.empty());
  }

  private static Optional<JsonNode> parse(String body) {
    try {
      return Optional.of(JsonMapper.shared().readTree(body)).filter(JsonNode::isObject);
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  /** Returns the declared applications whose routes the proxy lists; null if unknown. */
  private @Nullable Set<String> listed() {
    return table.within(patience).flatMap(told -> told).map(this::listed).orElse(null);
  }

  /** Returns the declared applications whose routes this table contains. */
  private Set<String> listed(JsonNode routes) {
    return declared.stream()
        .filter(deployment -> deployment.route() == null || routes.has(deployment.route()))
        .map(DeclaredApplication::name)
        .collect(Collectors.toSet());
  }
}
