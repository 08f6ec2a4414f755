package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.daemon.observe.Http.Answer;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The dashboard's REST interface, as far as we use it. */
public final class Dashboard {

  /** In a replica's environment: the content version that we deployed. */
  public static final String VERSION_VARIABLE = "SEEDCORE_VERSION";

  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Duration QUICK = Duration.ofSeconds(2);
  // The dashboard connects to the cluster at the first such request, which takes it a second or
  // two.
  private static final Duration SLOW = Duration.ofSeconds(8);

  private final Http http;
  private final String url;

  /** A dashboard at an address without a slash at its end. */
  public Dashboard(Http http, String url) {
    this.http = http;
    this.url = url;
  }

  /** The head, without its node id. */
  public CompletableFuture<Head> head() {
    return http.get(url + "/api/version", QUICK)
        .thenApply(this::readHead)
        .exceptionally(e -> new Head.Down("dashboard %s %s".formatted(url, Http.reason(e))));
  }

  private Head readHead(Answer answer) {
    if (answer.status() != 200) {
      return new Head.Down(
          "dashboard %s answers status %d; is another program on its port?"
              .formatted(url, answer.status()));
    }
    JsonNode json = parse(answer.body()).orElse(JSON.missingNode());
    String session = json.path("session_name").asString("");
    if (session.isEmpty()) {
      return new Head.Down(
          "%s answers, but is no Ray dashboard; is another program on its port?".formatted(url));
    }
    return new Head.Up(
        new Identity(session, null), json.path("ray_version").asString("unknown"), null);
  }

  /** Whether the dashboard reaches the GCS; empty where it does, else the reason. */
  public CompletableFuture<String> gcsTrouble() {
    return http.get(url + "/api/gcs_healthz", QUICK)
        .thenApply(
            answer ->
                answer.status() == 200
                    ? ""
                    : "the GCS is down, says the dashboard: status " + answer.status())
        .exceptionally(e -> "the GCS's health is not told: dashboard " + Http.reason(e));
  }

  /**
   * The living nodes.
   *
   * @param head the head's node id; null where the list does not show it yet
   * @param local the address of a node that {@code isLocal} holds for; null where there is none
   * @param listed whether there is a list at all: a dashboard that has just started has none yet
   */
  record Nodes(@Nullable String head, @Nullable String local, boolean listed) {
    static final Nodes NONE = new Nodes(null, null, false);
  }

  CompletableFuture<Nodes> nodes(Predicate<String> isLocal) {
    return http.get(url + "/nodes?view=summary", QUICK)
        .thenApply(answer -> readNodes(answer, isLocal))
        .exceptionally(e -> Nodes.NONE);
  }

  private static Nodes readNodes(Answer answer, Predicate<String> isLocal) {
    JsonNode list = parse(answer.body()).orElse(JSON.missingNode()).path("data").path("summary");
    String head = null;
    String local = null;
    for (JsonNode node : list) {
      JsonNode raylet = node.path("raylet");
      if (raylet.path("state").asString("").equals("ALIVE")) {
        String address = raylet.path("nodeManagerAddress").asString("");
        if (raylet.path("isHeadNode").asBoolean(false)) {
          head = raylet.path("nodeId").asString("");
        }
        if (!address.isEmpty() && isLocal.test(address)) {
          local = address;
        }
      }
    }
    return new Nodes(head, local, !list.isEmpty());
  }

  /** Serve and its applications. */
  CompletableFuture<Serve> serve() {
    return http.get(url + "/api/serve/applications/", SLOW)
        .thenApply(Dashboard::readServe)
        .exceptionally(e -> new Serve.Unknown("the dashboard's Serve page " + Http.reason(e)));
  }

  private static Serve readServe(Answer answer) {
    if (answer.status() != 200) {
      return new Serve.Unknown(
          "the dashboard's Serve page answers status %d".formatted(answer.status()));
    }
    Optional<JsonNode> parsed = parse(answer.body());
    if (parsed.isEmpty() || !parsed.get().path("applications").isObject()) {
      return new Serve.Unknown("the dashboard's Serve page is not what we know");
    }
    JsonNode json = parsed.get();
    String controller = json.path("controller_info").path("actor_id").asString("");
    if (controller.isEmpty()) {
      return new Serve.Absent();
    }
    Map<String, Serve.App> apps = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("applications").properties()) {
      apps.put(entry.getKey(), readApp(entry.getValue()));
    }
    return new Serve.Running(controller, apps);
  }

  private static Serve.App readApp(JsonNode app) {
    String message = app.path("message").asString("");
    String version = null;
    int running = 0;
    JsonNode config = JSON.missingNode();
    for (JsonNode deployment : app.path("deployments")) { // Ours have one.
      config = deployment.path("deployment_config");
      version =
          config
              .path("ray_actor_options")
              .path("runtime_env")
              .path("env_vars")
              .path(VERSION_VARIABLE)
              .asString(null);
      message = message.isEmpty() ? deployment.path("message").asString("") : message;
      for (JsonNode replica : deployment.path("replicas")) {
        running += replica.path("state").asString("").equals("RUNNING") ? 1 : 0;
      }
    }
    return new Serve.App(
        app.path("status").asString("UNKNOWN"),
        message,
        version,
        app.path("route_prefix").asString(null),
        running,
        config);
  }

  /**
   * Puts a package where the cluster's nodes can fetch it, unless it is there. Either way the
   * cluster keeps it for ten minutes more, whether or not a replica uses it.
   *
   * @return empty where it is there now, else the reason why not
   */
  public CompletableFuture<String> ensurePackage(String name, HttpRequest.BodyPublisher content) {
    String target = url + "/api/packages/gcs/" + name;
    return http.get(target, SLOW)
        .thenCompose(
            answer ->
                answer.status() == 200
                    ? CompletableFuture.completedFuture(answer)
                    : http.put(target, content, Duration.ofSeconds(60)))
        .thenApply(answer -> answer.status() == 200 ? "" : "the upload answers " + answer.status())
        .exceptionally(e -> "the dashboard " + Http.reason(e));
  }

  private static Optional<JsonNode> parse(String body) {
    try {
      return Optional.of(JSON.readTree(body));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }
}
