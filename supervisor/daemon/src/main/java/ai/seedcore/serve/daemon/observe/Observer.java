package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.daemon.config.Declaration;
import ai.seedcore.serve.daemon.config.HostPort;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.observe.Http.Answer;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Makes one {@link Observation} out of requests that run side by side. */
public final class Observer {

  /** The code by which a replica says that its class could not be made. */
  private static final String NOT_READY = "not_ready";

  private static final Duration PROBE = Duration.ofSeconds(3);

  /** How long a look waits for what can be done without. */
  private static final Duration PATIENCE = Duration.ofMillis(150);

  /** How often to ask what seldom changes: a head that starts has other work to do. */
  private static final Duration SELDOM = Duration.ofSeconds(10);

  private final Http http;
  private final Dashboard dashboard;
  private final String gcsHost;
  private final String routesUrl;
  private final List<Declaration> declared;
  private final Question<String> gcs;
  private final Question<Dashboard.Nodes> nodes;
  private final Question<Serve> serve;
  private String session = "";

  /** An observer of one cluster. */
  public Observer(
      Http http,
      Dashboard dashboard,
      String gcsHost,
      String routesUrl,
      List<Declaration> declared) {
    this.http = http;
    this.dashboard = dashboard;
    this.gcsHost = gcsHost;
    this.routesUrl = routesUrl;
    this.declared = declared;
    this.gcs = new Question<>(dashboard::gcsTrouble, SELDOM);
    this.nodes = new Question<>(() -> dashboard.nodes(HostPort::isThisMachine), SELDOM);
    this.serve = new Question<>(dashboard::serve, Duration.ZERO);
  }

  /**
   * Looks at all there is.
   *
   * @param probed the applications whose routes are asked, too; a request to one that does not run
   *     yet would only wait
   */
  public Observation look(Set<String> probed) {
    CompletableFuture<Head> head = dashboard.head();
    gcs.ask();
    nodes.ask();
    serve.ask();
    Map<String, CompletableFuture<Route>> probes = new LinkedHashMap<>();
    for (Declaration deployment : declared) {
      if (probed.contains(deployment.name())) {
        probes.put(deployment.name(), probe(deployment));
      }
    }
    Head seen = head.join();
    if (!(seen instanceof Head.Up up)) {
      return new Observation(seen, unknown(), Map.of(), true);
    }
    if (!up.identity().session().equals(session)) {
      session = up.identity().session();
      gcs.forget();
      nodes.forget();
      serve.forget();
    }
    String trouble = gcs.within(PATIENCE).orElse("");
    if (!trouble.isEmpty()) {
      gcs.forget();
      return new Observation(new Head.Down(trouble), unknown(), Map.of(), true);
    }
    Optional<Dashboard.Nodes> listed = nodes.within(PATIENCE);
    Dashboard.Nodes known = listed.orElse(Dashboard.Nodes.NONE);
    if (listed.isPresent() && (known.head() == null || known.local() == null)) {
      nodes.forget(); // Not all have come yet: the next look asks anew.
    }
    Head.Up complete =
        new Head.Up(
            new Identity(session, known.head()),
            up.rayVersion(),
            known.listed() ? known.local() : localHead());
    Map<String, Route> routes = new LinkedHashMap<>();
    probes.forEach((name, answer) -> routes.put(name, answer.join()));
    return new Observation(
        complete,
        serve.within(PATIENCE).orElse(new Serve.Unknown("the dashboard has not answered yet")),
        routes,
        true);
  }

  /**
   * Asks who the head is and which routes the proxy knows: two cheap requests. Where the routes are
   * not those declared, looks at all there is.
   */
  public Observation glance() {
    CompletableFuture<Head> head = dashboard.head();
    CompletableFuture<Boolean> routed =
        http.get(routesUrl + "/-/routes", PROBE)
            .thenApply(answer -> answer.status() == 200 && routesAll(answer.body()))
            .exceptionally(e -> false);
    Head seen = head.join();
    return seen instanceof Head.Up && !routed.join()
        ? look(declared.stream().map(Declaration::name).collect(Collectors.toSet()))
        : new Observation(seen, unknown(), Map.of(), false);
  }

  private boolean routesAll(String body) {
    try {
      JsonNode routes = JsonMapper.shared().readTree(body);
      return declared.stream().allMatch(deployment -> routes.has(deployment.route()));
    } catch (JacksonException e) {
      return false;
    }
  }

  /**
   * Where the head itself is on this machine, its node is too; no need to wait the seconds that a
   * dashboard takes to list it.
   */
  private @Nullable String localHead() {
    try {
      String address = InetAddress.getByName(gcsHost).getHostAddress();
      return HostPort.isThisMachine(address) ? address : null;
    } catch (UnknownHostException e) {
      return null;
    }
  }

  private static Serve unknown() {
    return new Serve.Unknown("not asked");
  }

  private CompletableFuture<Route> probe(Declaration deployment) {
    long start = System.nanoTime();
    String url = routesUrl + deployment.route();
    String body = deployment.probe().bodyText();
    CompletableFuture<Answer> answer =
        body == null ? http.get(url, PROBE) : http.post(url, body, PROBE);
    return answer
        .thenApply(a -> verdict(deployment.probe(), a))
        .exceptionally(Http::reason)
        .thenApply(
            reason -> new Route(reason.isEmpty(), reason, (System.nanoTime() - start) / 1_000_000));
  }

  /** Why an answer is not the declared one; empty where it is. */
  static String verdict(Probe probe, Answer answer) {
    if (answer.status() != 200) {
      return "answers status " + answer.status();
    }
    JsonNode expected = probe.expect();
    boolean failed = answer.body().contains(NOT_READY);
    if (expected == null && !failed) {
      return "";
    }
    JsonNode json;
    try {
      json = JsonMapper.shared().readTree(answer.body());
    } catch (JacksonException e) {
      return expected == null ? "" : "answers something else than JSON";
    }
    if (failed && json.path("code").asString("").equals(NOT_READY)) {
      // The replica runs, and has nothing to serve: whatever is expected, this is not it.
      return "answers that it is not ready: " + json.path("error").asString("");
    }
    if (expected == null) {
      return "";
    }
    for (Map.Entry<String, JsonNode> field : expected.properties()) {
      JsonNode found = json.path(field.getKey());
      if (!found.equals(field.getValue())) {
        return "answers %s: %s, expected %s"
            .formatted(field.getKey(), found.isMissingNode() ? "nothing" : found, field.getValue());
      }
    }
    return "";
  }
}
