package ai.seedcore.serve.door.request;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The paths of the Open Inference Protocol. The door answers what concerns the server and whether a
 * model is ready; the replicas answer the rest, because only they know their tensors.
 *
 * <p>A route that contains these paths comes first, as everywhere.
 */
final class InferencePaths {

  static final String ROOT = "/v2";
  private static final String MODELS = "/v2/models";
  private static final String LIVE = "/v2/health/live";
  private static final String READY = "/v2/health/ready";

  private static final Set<HttpMethod> READING = Set.of(HttpMethod.GET, HttpMethod.HEAD);

  private final Dispatcher dispatcher;
  private final String version;

  InferencePaths(Dispatcher dispatcher, String version) {
    this.dispatcher = dispatcher;
    this.version = version;
  }

  /** Returns whether a path asks whether the door is alive. */
  static boolean asksForLife(String path) {
    return path.equals(LIVE);
  }

  /** Returns whether a path asks whether requests are expected to be served. */
  static boolean asksForHealth(String path) {
    return path.equals(READY);
  }

  /** Returns the route of the model in a path; null if there is none. */
  @Nullable RouteEntry model(String path) {
    return path.startsWith(MODELS + "/") ? dispatcher.named(name(rest(path))) : null;
  }

  /** Returns the target of a model's replicas: the path below their route, marked. */
  static Target within(RouteEntry model, Target target) {
    String prefix = model.route().prefix();
    return new Target(
        (prefix.equals("/") ? "" : prefix) + target.path(),
        target.query(),
        target.authority(),
        rest(target.path()));
  }

  private static String rest(String path) {
    return path.substring(MODELS.length() + 1);
  }

  private static String name(String rest) {
    int end = rest.indexOf('/');
    String name = end < 0 ? rest : rest.substring(0, end);
    try {
      return URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return name; // A percent sign that encodes nothing stands for itself.
    }
  }

  /**
   * Answers a request that needs no replica. Returns whether it did.
   *
   * @param model the route of the model in the path; null if there is none
   */
  boolean answer(HttpServerRequest request, String path, @Nullable RouteEntry model) {
    Map<String, Object> body = new LinkedHashMap<>();
    int status = 200;
    if (model != null) {
      String rest = rest(path);
      String name = name(rest);
      boolean ready = dispatcher.isServed(model);
      // Only the replica knows its version. While there is none, no version is ready.
      boolean asked =
          ready ? rest.endsWith("/ready") && !rest.contains("/versions/") : rest.endsWith("/ready");
      if (!asked) {
        return false;
      }
      status = ready ? 200 : 503;
      body.put("name", name);
      body.put("ready", ready);
    } else if (path.equals(ROOT) || path.equals(ROOT + "/")) {
      body.put("name", "seedcore-serve");
      body.put("version", version);
      body.put("extensions", List.of("binary_tensor_data"));
    } else if (path.equals(MODELS)) {
      body.put("models", dispatcher.applications());
    } else if (path.startsWith(MODELS + "/")) {
      status = 404;
      body.put(
          "error",
          "model: found '%s', expected one of %s"
              .formatted(Replies.cut(name(rest(path))), dispatcher.applications()));
    } else {
      return false;
    }
    if (status != 404 && !READING.contains(request.method())) {
      request.response().putHeader("Allow", "GET, HEAD");
      status = 405;
      body = Map.of("error", "method: found %s, expected GET".formatted(request.method()));
    }
    Replies.json(request, status, body);
    return true;
  }
}
