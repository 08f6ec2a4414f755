package ai.seedcore.serve.door.request;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The OpenAPI document of the declared deployments, and a page that renders it and can send
 * requests. Both are below {@code /-/}, too, because a route that contains their paths comes first.
 *
 * <p>The page is Swagger UI, from this jar: a browser loads nothing from elsewhere. Reading and
 * compressing it does not happen on the event loop.
 */
final class ApiDocs {

  private static final Logger LOG = LoggerFactory.getLogger(ApiDocs.class);

  private static final String DOCUMENT = "/openapi.json";
  private static final String PAGE = "/docs";

  /** No route contains the paths that begin like this. */
  static final String RESERVED = "/-/";

  private static final String JSON = "application/json";

  /** The files of the page, and their types. */
  private static final Map<String, String> FILES =
      Map.of(
          PAGE,
          "text/html; charset=utf-8",
          PAGE + "/init.js",
          "text/javascript; charset=utf-8",
          PAGE + "/swagger-ui-bundle.js",
          "text/javascript; charset=utf-8",
          PAGE + "/swagger-ui.css",
          "text/css; charset=utf-8",
          PAGE + "/swagger-ui-bundle.js.LICENSE.txt",
          "text/plain; charset=utf-8");

  /** Swagger UI sets styles of elements, and has its icons in its style sheet. */
  private static final String POLICY =
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
          + " frame-ancestors 'none'; base-uri 'none'";

  private final Vertx vertx;
  private final Supplier<@Nullable Supplier<String>> document;
  private final Map<String, Buffer> compressed = new ConcurrentHashMap<>();

  /**
   * Creates the pages.
   *
   * @param document returns what creates the document, on a thread that may block; null if nothing
   *     does
   */
  ApiDocs(Vertx vertx, Supplier<@Nullable Supplier<String>> document) {
    this.vertx = vertx;
    this.document = document;
  }

  /** Returns a path without what stands before reserved paths. */
  private static String name(String path) {
    return path.startsWith(RESERVED) ? path.substring(RESERVED.length() - 1) : path;
  }

  /** Returns whether a path is a file of the page, which says nothing about the deployments. */
  static boolean isPage(String path) {
    return FILES.containsKey(name(path));
  }

  /** Returns whether a path is the document. */
  static boolean isDocument(String path) {
    return name(path).equals(DOCUMENT);
  }

  /** Sends a file of the page. */
  void page(HttpServerRequest request, String path) {
    if (Methods.answer(request, Set.of("GET"))) {
      return;
    }
    String name = name(path);
    boolean gzip = String.valueOf(request.getHeader("Accept-Encoding")).contains("gzip");
    request
        .response()
        .putHeader("Content-Security-Policy", POLICY)
        .putHeader("Vary", "Accept-Encoding")
        .putHeader("Content-Encoding", gzip ? "gzip" : "identity");
    // The files of another release have the same names.
    send(
        request,
        FILES.getOrDefault(name, JSON),
        "no-cache",
        () -> gzip ? compressed.computeIfAbsent(name, n -> gzip(read(n))) : read(name));
  }

  /** Sends the document. Returns whether there is one. */
  boolean document(HttpServerRequest request) {
    Supplier<String> text = document.get();
    if (text == null) {
      return false;
    }
    if (!Methods.answer(request, Set.of("GET"))) {
      send(request, JSON, "no-store", () -> Buffer.buffer(text.get()));
    }
    return true;
  }

  private void send(
      HttpServerRequest request, String type, String caching, Callable<Buffer> content) {
    if (Forwarding.isUnread(request)) {
      Replies.announceEnd(request);
    }
    vertx
        .executeBlocking(content, false)
        .onComplete(
            result -> {
              HttpServerResponse response = request.response();
              if (response.closed() || response.ended()) {
                return;
              } else if (result.failed()) {
                LOG.error("{} cannot be sent", request.path(), result.cause());
                response.headers().remove("Content-Encoding");
                Replies.error(request, 500, "internal", "the daemon's log says why", Map.of());
                return;
              }
              response
                  .putHeader("Content-Type", type)
                  .putHeader("Cache-Control", caching)
                  .putHeader("X-Content-Type-Options", "nosniff")
                  .end(result.result());
            });
  }

  private static Buffer read(String name) {
    String resource = name.equals(PAGE) ? "docs/index.html" : name.substring(1);
    try (InputStream file = ApiDocs.class.getResourceAsStream(resource)) {
      if (file == null) {
        throw new IllegalStateException(resource + " is not in the jar");
      }
      return Buffer.buffer(file.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Buffer gzip(Buffer content) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(content.getBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Buffer.buffer(packed.toByteArray());
  }
}
