package ai.seedcore.serve.gcs;

import com.google.protobuf.MessageLite;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.vertx.core.Vertx;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The connection to the GCS: finds its address, gives it the credentials that it requires, and is
 * opened anew after a failure.
 */
final class Connection implements AutoCloseable {

  private static final int MIB = 1 << 20;

  /**
   * The maximum size of a reply relative to the heap; a parsed reply takes several times its size.
   */
  private static final int HEAP_DIVISOR = 12;

  /** The maximum size of a reply, in bytes: 1 to 16 MiB, depending on the heap. */
  private static final int MAX_REPLY =
      (int) Math.min(16 * MIB, Math.max(MIB, Runtime.getRuntime().maxMemory() / HEAP_DIVISOR));

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Vertx vertx;
  private final Supplier<Gcs.Address> address;
  private final Credentials credentials;
  private final Duration deadline;
  private @Nullable ManagedChannel channel;

  /** The channel whose server has asked for a token. */
  private volatile @Nullable ManagedChannel asked;

  /** The IP addresses that the host name had when the connection was opened. */
  private @Nullable CompletableFuture<Set<InetAddress>> connectedTo;

  /** The IP addresses that the host name has now; null if no lookup is in progress. */
  private @Nullable CompletableFuture<Set<InetAddress>> currentAddresses;

  /** Creates a connection that is opened with the first call. */
  Connection(
      Vertx vertx, Supplier<Gcs.Address> address, Credentials credentials, Duration deadline) {
    this.vertx = vertx;
    this.address = address;
    this.credentials = credentials;
    this.deadline = deadline;
  }

  /** Calls a method of the GCS. After a failure, the next call opens a new connection. */
  <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> ask(
      MethodDescriptor<Q, A> method, Q request) {
    return channel()
        .thenCompose(
            used ->
                authorized(used, method, request)
                    .whenComplete(
                        (reply, error) -> {
                          if (error != null && !GcsFailure.answered(error)) {
                            drop(used);
                          }
                        }));
  }

  /**
   * Calls a method of another server of the cluster, on a connection of its own. The token is sent
   * if the GCS has asked for one; that this server does, means nothing.
   */
  <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> askOnce(
      String host, int port, MethodDescriptor<Q, A> method, Q request) {
    try {
      Metadata headers = credentials.tokenRequired() ? headers() : new Metadata();
      ManagedChannel other = channel(host, port);
      return call(other, method, request, headers).whenComplete((reply, error) -> other.shutdown());
    } catch (RuntimeException e) { // gRPC rejects the address, or a credential is missing.
      return CompletableFuture.failedFuture(e);
    }
  }

  private Metadata headers() {
    Metadata headers = new Metadata();
    try {
      headers.put(AUTHORIZATION, "Bearer " + credentials.token());
    } catch (Credentials.Missing e) {
      throw new GcsFailure(e.getMessage());
    }
    return headers;
  }

  /** Calls a method, with the token if the cluster requires one. */
  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> authorized(
      ManagedChannel used, MethodDescriptor<Q, A> method, Q request) {
    if (used.equals(asked)) {
      return withToken(used, method, request);
    }
    return call(used, method, request, new Metadata())
        .whenComplete(
            (reply, error) -> {
              if (error == null) {
                credentials.tokenRequired(false);
              }
            })
        .exceptionallyCompose(
            error ->
                GcsFailure.code(error) == Status.Code.UNAUTHENTICATED
                    ? withToken(used, method, request)
                    : CompletableFuture.failedFuture(error));
  }

  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> withToken(
      ManagedChannel used, MethodDescriptor<Q, A> method, Q request) {
    asked = used;
    credentials.tokenRequired(true);
    Metadata headers;
    try {
      headers = headers();
    } catch (GcsFailure e) {
      return CompletableFuture.failedFuture(e);
    }
    return call(used, method, request, headers)
        .exceptionallyCompose(
            error ->
                CompletableFuture.failedFuture(
                    GcsFailure.code(error) == Status.Code.UNAUTHENTICATED
                        ? new GcsFailure("rejects the token of " + credentials.tokenSource())
                        : error));
  }

  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> call(
      ManagedChannel used, MethodDescriptor<Q, A> method, Q request, Metadata headers) {
    CompletableFuture<A> answer = new CompletableFuture<>();
    ClientCall<Q, A> call =
        used.newCall(
            method,
            CallOptions.DEFAULT.withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS));
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(A message) {
            answer.complete(message);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            if (!answer.isDone()) { // Also if the call succeeds without a reply.
              answer.completeExceptionally(
                  (status.isOk() ? Status.INTERNAL : status).asException());
            }
          }
        },
        headers);
    call.sendMessage(request);
    call.halfClose();
    call.request(1);
    return answer;
  }

  private CompletableFuture<ManagedChannel> channel() {
    try {
      return connect();
    } catch (RuntimeException e) { // gRPC rejects the address.
      return CompletableFuture.failedFuture(e);
    }
  }

  private synchronized CompletableFuture<ManagedChannel> connect() {
    if (channel != null) {
      return CompletableFuture.completedFuture(channel);
    }
    Gcs.Address now = address.get();
    connectedTo = addresses(now.host());
    currentAddresses = null;
    if (now.host().indexOf('_') < 0) {
      channel = channel(now.host(), now.port());
      return CompletableFuture.completedFuture(channel);
    }
    // gRPC rejects host names with an underscore, although resolvers accept them; use the IP
    // address.
    return connectedTo.thenApply(addresses -> channel(addresses, now.port()));
  }

  private synchronized ManagedChannel channel(Set<InetAddress> addresses, int port) {
    if (channel == null) {
      if (addresses.isEmpty()) {
        throw new GcsFailure("has a name that does not resolve");
      }
      String ip = addresses.iterator().next().getHostAddress();
      channel = channel(ip.contains(":") ? "[" + ip + "]" : ip, port);
    }
    return channel;
  }

  private ManagedChannel channel(String host, int port) {
    return OkHttpChannelBuilder.forAddress(host, port, channelCredentials())
        .maxInboundMessageSize(MAX_REPLY)
        // Runs callbacks on the network thread: the longest one reads the token's file.
        .executor((Executor) Runnable::run)
        .disableRetry()
        .build();
  }

  private ChannelCredentials channelCredentials() {
    Credentials.Tls tls = credentials.tls();
    if (tls == null) {
      return InsecureChannelCredentials.create();
    }
    try {
      return tls.read(vertx);
    } catch (Credentials.Missing e) {
      throw new GcsFailure("uses TLS: " + e.getMessage());
    }
  }

  /**
   * Closes the connection, and fails its calls, if the host name resolves to another address than
   * before. Call this repeatedly while an answer is late: nothing may refuse connections to the old
   * address, so the calls would wait for their deadlines. This method does not wait for the
   * resolver.
   */
  void reconsider() {
    if (movedAway()) {
      close(); // The next call connects to the new address.
    }
  }

  private synchronized boolean movedAway() {
    if (channel == null || connectedTo == null || !connectedTo.isDone()) {
      return false;
    }
    if (currentAddresses == null) {
      currentAddresses = addresses(address.get().host());
    } else if (currentAddresses.isDone()) {
      Set<InetAddress> now = currentAddresses.join();
      currentAddresses = null;
      return !now.isEmpty() && !now.equals(connectedTo.join());
    }
    return false;
  }

  /** Resolves a host name; the result is empty if it does not resolve. */
  private static CompletableFuture<Set<InetAddress>> addresses(String host) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            // The resolver may return duplicates, which Set.of would reject.
            return Set.copyOf(List.of(InetAddress.getAllByName(host)));
          } catch (UnknownHostException e) {
            return Set.of();
          }
        });
  }

  // Channels are shut down without holding this object's lock, to avoid a deadlock: gRPC's threads
  // hold locks of the channel when they call this class.

  private void drop(ManagedChannel failed) {
    synchronized (this) {
      if (channel == failed) {
        channel = null;
      }
    }
    failed.shutdown(); // Other calls on this connection may still succeed.
  }

  @Override
  public void close() {
    ManagedChannel closed = take();
    if (closed != null) {
      closed.shutdownNow();
    }
  }

  private synchronized @Nullable ManagedChannel take() {
    ManagedChannel taken = channel;
    channel = null;
    return taken;
  }
}
