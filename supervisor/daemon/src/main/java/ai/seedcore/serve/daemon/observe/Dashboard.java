package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.Http.Answer;
import ai.seedcore.serve.gcs.Credentials;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A client for the part of the dashboard's REST API that the daemon uses. */
public final class Dashboard {

  /**
   * The environment variable of a replica that contains the content version that the daemon
   * deployed.
   */
  public static final String VERSION_VARIABLE = "SEEDCORE_VERSION";

  /** The maximum number of characters of a Serve message to examine. */
  private static final int MAX_MESSAGE = 16 << 10;

  private static final JsonMapper JSON = JsonMapper.shared();
  // The deadline. At the first such request the dashboard connects to the cluster, which takes a
  // second or two.
  private static final Duration SLOW = Duration.ofSeconds(8);

  private final Http http;
  private final boolean fixed;
  private final Credentials credentials;
  private final Clock clock;
  private volatile String url;

  /**
   * Creates a client for one dashboard.
   *
   * @param url its address, without a trailing slash
   * @param fixed whether the user configured the address; otherwise the cluster may correct it
   * @param credentials what the cluster requires, as its GCS has told
   * @param clock the clock that also times the deployments
   */
  public Dashboard(Http http, String url, boolean fixed, Credentials credentials, Clock clock) {
    this.credentials = credentials;
    this.http = http;
    this.url = url;
    this.fixed = fixed;
    this.clock = clock;
  }

  /** Returns the dashboard's address, without a trailing slash. */
  public String url() {
    return url;
  }

  /**
   * Accepts the address that the cluster reports.
   *
   * @param address {@code HOST:PORT}; if the host is a loopback or wildcard address, only the port
   *     is used
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
      return; // Keep the previous address.
    }
  }

  /** Reads Serve's state and its applications; never fails. */
  CompletableFuture<Serve> serve() {
    Instant asked = clock.instant();
    String page = url + "/api/serve/applications/";
    CompletableFuture<Answer> answered;
    try {
      answered =
          credentials.tokenRequired()
              ? http.get(page, credentials.token(), SLOW)
              : http.get(page, Http.LARGE, SLOW);
    } catch (Credentials.Missing e) {
      return CompletableFuture.completedFuture(
          new Serve.Unknown("dashboard %s %s".formatted(url, e.getMessage())));
    }
    return answered
        .thenApply(answer -> read(answer, asked))
        .exceptionally(e -> new Serve.Unknown("dashboard %s %s".formatted(url, Http.reason(e))));
  }

  /** Parses the response of the Serve page. */
  Serve read(Answer answer, Instant asked) {
    if (answer.status() == 401 || answer.status() == 403) {
      return new Serve.Unknown(
          credentials.tokenRequired()
              ? "dashboard %s rejects the token of %s".formatted(url, credentials.tokenSource())
              : "dashboard %s requires a token, unlike the GCS: is it the same cluster's?"
                  .formatted(url));
    }
    if (answer.status() != 200) {
      return new Serve.Unknown(
          "dashboard %s answers with status %d for Serve's applications"
              .formatted(url, answer.status()));
    }
    Optional<JsonNode> parsed = parse(answer.body());
    if (parsed.isEmpty() || !parsed.get().path("applications").isObject()) {
      return new Serve.Unknown(
          "%s answers, but is not a Ray dashboard: is another program on its port?".formatted(url));
    }
    JsonNode json = parsed.get();
    String controller = json.path("controller_info").path("actor_id").asString("");
    if (controller.isEmpty()) {
      return new Serve.Absent();
    }
    Map<String, Serve.Application> apps = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("applications").properties()) {
      apps.put(entry.getKey(), readApp(entry.getValue()));
    }
    return new Serve.Running(controller, apps, asked);
  }

  private static Serve.Application readApp(JsonNode app) {
    String message = text(app.path("message"));
    // Serve keeps showing the config of an application that was replaced by other means.
    boolean declarative = app.path("source").asString("").equals("declarative");
    JsonNode submitted = declarative ? app.path("deployed_app_config") : JSON.missingNode();
    String version = version(submitted.path("runtime_env"));
    int running = 0;
    Set<String> actors = new HashSet<>();
    JsonNode config = JSON.missingNode();
    for (JsonNode deployment : app.path("deployments")) {
      config = deployment.path("deployment_config");
      if (!submitted.isObject()) { // The daemon's Java applications have exactly one deployment.
        version = version(config.path("ray_actor_options").path("runtime_env"));
      }
      // The application's message only says that its deployment is unhealthy.
      String why = text(deployment.path("message"));
      message = why.isBlank() ? message : why;
      for (JsonNode replica : deployment.path("replicas")) {
        running += replica.path("state").asString("").equals("RUNNING") ? 1 : 0;
        actors.add(Foreign.name(replica.path("actor_name").asString("")));
      }
    }
    return new Serve.Application(
        Foreign.name(app.path("status").asString("UNKNOWN")),
        Foreign.message(ServeMessage.words(message)),
        version == null ? null : Foreign.name(version),
        app.path("route_prefix").asString(null),
        running,
        actors,
        config,
        submitted.isObject() ? submitted : JSON.missingNode());
  }

  private static @Nullable String version(JsonNode runtimeEnv) {
    return runtimeEnv.path("env_vars").path(VERSION_VARIABLE).asString(null);
  }

  /**
   * Serve's messages contain tracebacks. The information is in the first lines of Java's, and in
   * the last ones of Python's.
   */
  private static String text(JsonNode message) {
    String text = message.asString("");
    int half = MAX_MESSAGE / 2;
    return text.length() <= MAX_MESSAGE
        ? text
        : text.substring(0, half) + "\n" + text.substring(text.length() - half);
  }

  private static Optional<JsonNode> parse(String body) {
    try {
      return Optional.of(JSON.readTree(body));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }
}
