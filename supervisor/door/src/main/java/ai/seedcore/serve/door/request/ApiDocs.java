package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.DoorTokens;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The OpenAPI document of the declared deployments, and a page that renders it and can send
 * requests. Both are below {@code /-/}, too, because a route that contains their paths comes first.
 *
 * <p>The page is Swagger UI, from this jar: a browser loads nothing from elsewhere. Nothing of it
 * is read, made or compressed on the event loop.
 */
final class ApiDocs {

  private static final Logger LOG = LoggerFactory.getLogger(ApiDocs.class);

  private static final String DOCUMENT = "/openapi.json";
  private static final String PAGE = "/docs";

  /** No route contains the paths that begin like this. */
  static final String RESERVED = "/-/";

  private static final Set<String> READ = Set.of("GET");
  private static final int CHUNK = 32 << 10;

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
          + " object-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

  private final Services services;
  private final Supplier<@Nullable Function<DoorTokens, String>> document;
  private final Map<String, Buffer> files = new ConcurrentHashMap<>();

  /**
   * Creates the pages.
   *
   * @param document returns what returns the document; null if nothing does
   */
  ApiDocs(Services services, Supplier<@Nullable Function<DoorTokens, String>> document) {
    this.services = services;
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
    if (Methods.answer(request, READ, services.counts())) {
      return;
    }
    String name = name(path);
    request.response().putHeader("Content-Security-Policy", POLICY);
    // The files of another release have the same names.
    send(request, FILES.getOrDefault(name, JSON), "no-cache", gzip -> file(name, gzip));
  }

  /** Sends the document. Returns whether there is one. */
  boolean document(HttpServerRequest request) {
    Function<DoorTokens, String> text = document.get();
    if (text == null) {
      return false;
    }
    if (!Methods.answer(request, READ, services.counts())) {
      send(
          request,
          JSON,
          "no-store",
          gzip -> {
            byte[] bytes = text.apply(services.tokens().get()).getBytes(StandardCharsets.UTF_8);
            return Buffer.buffer(gzip ? gzip(bytes) : bytes);
          });
    }
    return true;
  }

  /**
   * Sends a response.
   *
   * @param content returns the content, compressed or not; called on a thread that may block, one
   *     call at a time
   */
  private void send(
      HttpServerRequest request, String type, String caching, Function<Boolean, Buffer> content) {
    if (Forwarding.isUnread(request)) {
      Replies.announceEnd(request);
    }
    boolean gzip = String.valueOf(request.getHeader("Accept-Encoding")).contains("gzip");
    services
        .vertx()
        .executeBlocking(() -> content.apply(gzip))
        .onComplete(
            result -> {
              HttpServerResponse response = request.response();
              if (response.closed() || response.ended()) {
                return;
              } else if (result.failed()) {
                LOG.error("{} cannot be sent", request.path(), result.cause());
                Replies.error(request, 500, "internal", "the daemon's log says why", Map.of());
                return;
              }
              Buffer whole = result.result();
              response
                  .putHeader("Content-Type", type)
                  .putHeader("Cache-Control", caching)
                  .putHeader("Vary", "Accept-Encoding")
                  .putHeader("Content-Encoding", gzip ? "gzip" : "identity")
                  .putHeader("Content-Length", String.valueOf(whole.length()))
                  .putHeader("X-Content-Type-Options", "nosniff");
              if (request.method().equals(HttpMethod.HEAD)) {
                response.end();
              } else {
                write(response, whole, 0);
              }
            });
  }

  /** Writes the rest of a content, no faster than the client reads: what is unread takes memory. */
  private static void write(HttpServerResponse response, Buffer whole, int from) {
    int at = from;
    while (at < whole.length() && !response.closed()) {
      if (response.writeQueueFull()) {
        int next = at;
        response.drainHandler(nothing -> write(response, whole, next));
        return;
      }
      int end = Math.min(whole.length(), at + CHUNK);
      response.write(whole.slice(at, end));
      at = end;
    }
    if (!response.closed()) {
      response.end();
    }
  }

  private Buffer file(String name, boolean gzip) {
    return files.computeIfAbsent(
        name + " " + gzip,
        key -> {
          String resource = name.equals(PAGE) ? "docs/index.html" : name.substring(1);
          try (InputStream file = ApiDocs.class.getResourceAsStream(resource)) {
            if (file == null) {
              throw new IllegalStateException(resource + " is not in the jar");
            }
            byte[] bytes = file.readAllBytes();
            return Buffer.buffer(gzip ? gzip(bytes) : bytes);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static byte[] gzip(byte[] content) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }
}
