package ai.seedcore.serve.door.request;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Answers requests whose method a resource does not have (RFC 9110, 9). */
final class Methods {

  private Methods() {}

  /**
   * Answers a request that must not be handled further: one with another method, and one that asks
   * for the methods.
   *
   * @param methods the resource's methods; GET includes HEAD
   * @param counts counts refusals
   * @return whether it did
   */
  static boolean answer(HttpServerRequest request, Set<String> methods, Counts counts) {
    String method = request.method().name();
    boolean asks = request.method().equals(HttpMethod.OPTIONS);
    if (!asks && (methods.contains(method) || (isHead(request) && methods.contains("GET")))) {
      return false;
    }
    Set<String> allowed = new TreeSet<>(methods);
    allowed.add("OPTIONS");
    if (methods.contains("GET")) {
      allowed.add("HEAD");
    }
    String list = String.join(", ", allowed);
    request.response().putHeader("Allow", list);
    if (asks) {
      if (Forwarding.isUnread(request)) {
        Replies.announceEnd(request);
      }
      request.response().setStatusCode(204).end();
    } else {
      counts.refused("method");
      Replies.error(
          request,
          405,
          "method",
          "method: found %s, expected one of %s".formatted(Replies.cut(method), list),
          Map.of());
    }
    return true;
  }

  private static boolean isHead(HttpServerRequest request) {
    return request.method().equals(HttpMethod.HEAD);
  }
}
