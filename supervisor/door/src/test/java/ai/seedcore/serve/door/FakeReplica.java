package ai.seedcore.serve.door;

import ai.seedcore.serve.door.upstream.Replica;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The direct path of a replica, which behaves as the test demands. */
final class FakeReplica implements AutoCloseable {

  static final String KEY = "the key";

  private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
  private final String actor;
  private final int port;

  /** The key with which it proves its identity. */
  volatile String key = KEY;

  /** The port of the replica whose proof it passes on as its own; 0: it proves its own identity. */
  volatile int relays;

  /** The content version of its deployment. */
  volatile String version = "v1";

  volatile int limit = 100;
  volatile boolean draining;

  /** Whether it responds to nothing, like a process that is stopped. */
  volatile boolean frozen;

  /** Responds to a request. */
  volatile Consumer<HttpServerRequest> behaviour = request -> respond(request, 200, "direct");

  /** The requests that arrived, except for queries about its identity. */
  final List<String> seen = new CopyOnWriteArrayList<>();

  FakeReplica(String actor) throws Exception {
    this.actor = actor;
    HttpServer server =
        vertx
            .createHttpServer(new HttpServerOptions().setHttp2ClearTextEnabled(false))
            .requestHandler(this::handle);
    this.port =
        server
            .listen(0, "127.0.0.1")
            .toCompletionStage()
            .toCompletableFuture()
            .get(5, TimeUnit.SECONDS)
            .actualPort();
  }

  /** Returns this replica as the cluster reports it, as one of an application. */
  Replica.Endpoint endpoint(String app) {
    // It does not listen at the first of its possible ports.
    return new Replica.Endpoint(actor, app, "127.0.0.1", List.of(1, port));
  }

  Vertx vertx() {
    return vertx;
  }

  /** Returns what a door says of this replica. */
  String state(OpenDoor door) {
    return door.status().replicas().stream()
        .filter(replica -> replica.address().endsWith(":" + port))
        .map(DoorStatus.ReplicaStatus::state)
        .findFirst()
        .orElse("unknown");
  }

  private void handle(HttpServerRequest request) {
    if (frozen) {
      return;
    }
    if (request.path().equals("/-/seedcore")) {
      String address = "127.0.0.1:" + (relays == 0 ? port : relays);
      String proof =
          hmac(key, String.join("\n", "replica", request.query(), actor, version, address));
      request
          .response()
          .end(
              "{\"actor\":\"%s\",\"version\":\"%s\",\"limit\":%d,\"draining\":%s,\"proof\":\"%s\"}"
                  .formatted(actor, version, limit, draining, proof));
      return;
    }
    seen.add(request.method() + " " + request.uri());
    if (!hmac(key, "door\n" + actor).equals(request.getHeader("X-SeedCore-Door"))) {
      refuse(request, 403, "forbidden");
    } else if (draining) {
      refuse(request, 503, "draining");
    } else {
      behaviour.accept(request);
    }
  }

  static void respond(HttpServerRequest request, int status, String body) {
    request.body().onSuccess(read -> request.response().setStatusCode(status).end(body));
  }

  /** Says that a request was not executed. */
  static void refuse(HttpServerRequest request, int status, String why) {
    request.response().putHeader("X-SeedCore-Not-Executed", why);
    respond(request, status, why);
  }

  private static String hmac(String key, String message) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      return HexFormat.of().formatHex(mac.doFinal(message.getBytes(StandardCharsets.UTF_8)));
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
  }
}
