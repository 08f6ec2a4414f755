package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.Http.Answer;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The dashboard's REST interface, as far as we use it. */
public final class Dashboard {

  /** In a replica's environment: the content version that we deployed. */
  public static final String VERSION_VARIABLE = "SEEDCORE_VERSION";

  /** Of one of Serve's reasons, what is looked at. */
  private static final int LONGEST = 16 << 10;

  private static final JsonMapper JSON = JsonMapper.shared();
  // The dashboard connects to the cluster at the first such request, which takes it a second or
  // two.
  private static final Duration SLOW = Duration.ofSeconds(8);

  private final Http http;
  private final boolean fixed;
  private volatile String url;

  /**
   * A dashboard.
   *
   * @param url its address, without a slash at its end
   * @param fixed whether that is what the user said; else the cluster may say better
   */
  public Dashboard(Http http, String url, boolean fixed) {
    this.http = http;
    this.url = url;
    this.fixed = fixed;
  }

  /** Where it is. */
  public String url() {
    return url;
  }

  /**
   * The cluster says where it is.
   *
   * @param address {@code HOST:PORT}; where that is the head's loopback, or all of its addresses,
   *     it tells the port alone
   */
  void toldBy(String address) {
    if (fixed) {
      return;
    }
    try {
      HostPort told = HostPort.parse(address);
      boolean portAlone = told.isLoopback() || told.host().equals("0.0.0.0");
      String host = portAlone ? HostPort.of(URI.create(url)).host() : told.host();
      url = "http://%s:%d".formatted(host, told.port());
    } catch (IllegalArgumentException e) {
      return; // What was taken for it before is as good.
    }
  }

  /** Serve and its applications. */
  CompletableFuture<Serve> serve() {
    return http.get(url + "/api/serve/applications/", Http.LARGE, SLOW)
        .thenApply(this::read)
        .exceptionally(e -> new Serve.Unknown("dashboard %s %s".formatted(url, Http.reason(e))));
  }

  /** Reads the page that tells of them. */
  Serve read(Answer answer) {
    if (answer.status() != 200) {
      return new Serve.Unknown(
          "dashboard %s answers status %d to its Serve page".formatted(url, answer.status()));
    }
    Optional<JsonNode> parsed = parse(answer.body());
    if (parsed.isEmpty() || !parsed.get().path("applications").isObject()) {
      return new Serve.Unknown(
          "%s answers, but not as a Ray dashboard; is another program on its port?".formatted(url));
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
    String message = text(app.path("message"));
    String version = null;
    int running = 0;
    Set<String> actors = new HashSet<>();
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
      // The application's own says no more than that its deployment is unhealthy.
      String why = text(deployment.path("message"));
      message = why.isBlank() ? message : why;
      for (JsonNode replica : deployment.path("replicas")) {
        running += replica.path("state").asString("").equals("RUNNING") ? 1 : 0;
        actors.add(Foreign.name(replica.path("actor_name").asString("")));
      }
    }
    return new Serve.App(
        Foreign.name(app.path("status").asString("UNKNOWN")),
        Foreign.message(ServeMessage.words(message)),
        version == null ? null : Foreign.name(version),
        app.path("route_prefix").asString(null),
        running,
        actors,
        config);
  }

  /** Serve's reasons hold tracebacks: what is said stands in their first lines. */
  private static String text(JsonNode message) {
    String text = message.asString("");
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST);
  }

  private static Optional<JsonNode> parse(String body) {
    try {
      return Optional.of(JSON.readTree(body));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }
}
