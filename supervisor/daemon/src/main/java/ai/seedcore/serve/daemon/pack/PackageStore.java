package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.base.HostPort;
import ai.seedcore.serve.base.Outcome;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.gcs.Credentials;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Uploads files to the GCS's key-value store, from which Ray's nodes fetch packages. Ray's own
 * clients hold the whole file in memory, as one gRPC message. This class streams the message from
 * the disk. On the wire it is one HTTP/2 request. Its body consists of the 5-byte gRPC prefix, the
 * first fields of the protocol buffer message, and the file. The dashboard could stream too, but it
 * accepts at most 100 MiB and starts later.
 */
public final class PackageStore {

  /** How long an upload may make no progress. */
  private static final Duration STALL = Duration.ofSeconds(30);

  private static final String PUT = "/ray.rpc.InternalKVGcsService/InternalKVPut";
  private static final int KEY = 1;
  private static final int VALUE = 2;
  private static final int OVERWRITE = 3;

  private final Vertx vertx;
  private final Supplier<HostPort> gcs;
  private final Credentials credentials;

  /**
   * Creates a store.
   *
   * @param gcs returns the address of the GCS
   * @param credentials what the cluster requires, as its GCS has told
   */
  public PackageStore(Vertx vertx, Supplier<HostPort> gcs, Credentials credentials) {
    this.vertx = vertx;
    this.gcs = gcs;
    this.credentials = credentials;
  }

  /**
   * Sets the value of a key to the content of a file.
   *
   * @param size the file's size, in bytes
   * @param progress receives the number of bytes sent so far, on the event loop
   * @return completes with the outcome, never exceptionally
   */
  public CompletableFuture<Outcome> put(String key, Path file, long size, LongConsumer progress) {
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    Context context = vertx.getOrCreateContext();
    context.runOnContext(
        nothing ->
            send(key, file, size, progress)
                .onComplete(
                    done ->
                        outcome.complete(
                            done.succeeded()
                                ? done.result()
                                : new Outcome.Failed(Http.reason(done.cause())))));
    return outcome;
  }

  private Future<Outcome> send(String key, Path file, long size, LongConsumer progress) {
    HostPort to = gcs.get();
    RequestOptions options =
        new RequestOptions()
            .setMethod(HttpMethod.POST)
            .setHost(to.host())
            .setPort(to.port())
            .setURI(PUT)
            .putHeader("content-type", "application/grpc")
            .putHeader("te", "trailers");
    if (credentials.tokenRequired()) {
      try {
        options.putHeader("authorization", "Bearer " + credentials.token());
      } catch (Credentials.Missing e) {
        return Future.succeededFuture(new Outcome.Failed("the GCS " + e.getMessage()));
      }
    }
    HttpClient client = vertx.createHttpClient(clientOptions());
    return client
        .request(options)
        .compose(request -> stream(request, key, file, size, progress))
        .eventually(client::close);
  }

  private HttpClientOptions clientOptions() {
    HttpClientOptions options =
        new HttpClientOptions()
            .setProtocolVersion(HttpVersion.HTTP_2)
            .setHttp2ClearTextUpgrade(false)
            .setConnectTimeout(2_000);
    Credentials.Tls tls = credentials.tls();
    if (tls != null) {
      options
          .setSsl(true)
          .setUseAlpn(true)
          .setKeyCertOptions(tls.identity())
          .setTrustOptions(tls.trust());
    }
    return options;
  }

  private Future<Outcome> stream(
      HttpClientRequest request, String key, Path file, long size, LongConsumer progress) {
    AtomicLong sent = new AtomicLong();
    AtomicLong moved = new AtomicLong(System.nanoTime());
    long timer =
        vertx.setPeriodic(
            1_000,
            id -> {
              if (System.nanoTime() - moved.get() > STALL.toNanos()) {
                request.reset();
              }
            });
    Future<Outcome> answer = request.response().compose(PackageStore::verdict);
    return vertx
        .fileSystem()
        .open(file.toString(), new OpenOptions().setWrite(false).setCreate(false))
        .compose(
            content -> {
              request.write(beginning(key, size));
              return pipe(content, request, sent, moved, progress);
            })
        .compose(done -> request.end(ending()))
        .transform(
            // If the GCS refuses early, its response says more than the broken stream.
            done ->
                done.succeeded() ? answer : answer.recover(e -> Future.failedFuture(done.cause())))
        .eventually(() -> Future.succeededFuture(vertx.cancelTimer(timer)));
  }

  private static Future<Void> pipe(
      AsyncFile content,
      HttpClientRequest request,
      AtomicLong sent,
      AtomicLong moved,
      LongConsumer progress) {
    Promise<Void> done = Promise.promise();
    content.exceptionHandler(done::tryFail);
    request.exceptionHandler(done::tryFail);
    content.handler(
        part -> {
          request.write(part);
          moved.set(System.nanoTime());
          progress.accept(sent.addAndGet(part.length()));
          if (request.writeQueueFull()) {
            content.pause();
            request.drainHandler(free -> content.resume());
          }
        });
    content.endHandler(end -> done.tryComplete());
    return done.future().eventually(content::close);
  }

  /** Returns everything before the file: the gRPC prefix, the key, and the value's length. */
  private static Buffer beginning(String key, long size) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      out.writeByteArray(KEY, key.getBytes(StandardCharsets.UTF_8));
      out.writeTag(VALUE, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt64NoTag(size);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An in-memory stream cannot fail.
    }
    long message = bytes.size() + size + ending().length();
    return Buffer.buffer()
        .appendByte((byte) 0)
        .appendUnsignedInt(message)
        .appendBytes(bytes.toByteArray());
  }

  /** Returns everything after the file: the flag that allows overwriting the key. */
  private static Buffer ending() {
    return Buffer.buffer().appendByte((byte) (OVERWRITE << 3)).appendByte((byte) 1);
  }

  private static Future<Outcome> verdict(HttpClientResponse response) {
    return response
        .body()
        .map(
            body -> {
              String trailer = response.getTrailer("grpc-status");
              String status = trailer == null ? response.getHeader("grpc-status") : trailer;
              return response.statusCode() == 200 && "0".equals(status)
                  ? Outcome.SUCCEEDED
                  : new Outcome.Failed(
                      "the GCS rejected the package (gRPC status %s)"
                          .formatted(status == null ? "unknown" : status));
            });
  }
}
