package ai.seedcore.serve.gcs;

import ai.seedcore.serve.gcs.proto.ActorTableData;
import ai.seedcore.serve.gcs.proto.CheckAliveReply;
import ai.seedcore.serve.gcs.proto.CheckAliveRequest;
import ai.seedcore.serve.gcs.proto.GcsNodeInfo;
import ai.seedcore.serve.gcs.proto.GcsStatus;
import ai.seedcore.serve.gcs.proto.GetAllActorInfoReply;
import ai.seedcore.serve.gcs.proto.GetAllActorInfoRequest;
import ai.seedcore.serve.gcs.proto.GetAllAvailableResourcesReply;
import ai.seedcore.serve.gcs.proto.GetAllAvailableResourcesRequest;
import ai.seedcore.serve.gcs.proto.GetAllNodeInfoReply;
import ai.seedcore.serve.gcs.proto.GetAllNodeInfoRequest;
import ai.seedcore.serve.gcs.proto.GetCoreWorkerStatsReply;
import ai.seedcore.serve.gcs.proto.GetCoreWorkerStatsRequest;
import ai.seedcore.serve.gcs.proto.GetNamedActorInfoReply;
import ai.seedcore.serve.gcs.proto.GetNamedActorInfoRequest;
import ai.seedcore.serve.gcs.proto.InternalKVDelReply;
import ai.seedcore.serve.gcs.proto.InternalKVDelRequest;
import ai.seedcore.serve.gcs.proto.InternalKVExistsReply;
import ai.seedcore.serve.gcs.proto.InternalKVExistsRequest;
import ai.seedcore.serve.gcs.proto.InternalKVGetReply;
import ai.seedcore.serve.gcs.proto.InternalKVGetRequest;
import ai.seedcore.serve.gcs.proto.InternalKVKeysReply;
import ai.seedcore.serve.gcs.proto.InternalKVKeysRequest;
import ai.seedcore.serve.gcs.proto.InternalKVPutReply;
import ai.seedcore.serve.gcs.proto.InternalKVPutRequest;
import ai.seedcore.serve.gcs.proto.KillActorViaGcsReply;
import ai.seedcore.serve.gcs.proto.KillActorViaGcsRequest;
import ai.seedcore.serve.gcs.proto.PinRuntimeEnvURIReply;
import ai.seedcore.serve.gcs.proto.PinRuntimeEnvURIRequest;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.grpc.protobuf.lite.ProtoLiteUtils;
import io.vertx.core.Vertx;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An asynchronous client of the GCS of one cluster. All methods return futures; {@link #reason}
 * describes why one failed. Every call has the same deadline. After a failure, the client resolves
 * the address again and opens a new connection, because a restarted head may have another address,
 * and a broken connection may look alive for minutes.
 */
public final class Gcs implements AutoCloseable {

  /** Ray's status code for a missing key or actor. */
  private static final int NOT_FOUND = 17;

  private static final String KEY_VALUE = "InternalKVGcsService";
  private static final String NODES = "NodeInfoGcsService";
  private static final String ACTORS = "ActorInfoGcsService";
  private static final String RESOURCES = "NodeResourceInfoGcsService";
  private static final String RUNTIME_ENV = "RuntimeEnvGcsService";
  private static final String WORKER = "CoreWorkerService";

  /** The maximum number of actors in a reply; each takes about 500 bytes. */
  private static final int MAX_ACTORS = 10_000;

  /** How many hexadecimal digits at the end of an actor id are the id of its job. */
  private static final int JOB_ID_DIGITS = 8;

  private static final int MIB = 1 << 20;

  /**
   * The maximum size of a reply relative to the heap; a parsed reply takes several times its size.
   */
  private static final int HEAP_DIVISOR = 12;

  /** The maximum size of a reply, in bytes: 1 to 16 MiB, depending on the heap. */
  private static final int MAX_REPLY =
      (int) Math.min(16 * MIB, Math.max(MIB, Runtime.getRuntime().maxMemory() / HEAP_DIVISOR));

  private static final MethodDescriptor<InternalKVGetRequest, InternalKVGetReply> GET =
      method(KEY_VALUE, "InternalKVGet", InternalKVGetReply.getDefaultInstance());
  private static final MethodDescriptor<InternalKVPutRequest, InternalKVPutReply> PUT =
      method(KEY_VALUE, "InternalKVPut", InternalKVPutReply.getDefaultInstance());
  private static final MethodDescriptor<InternalKVExistsRequest, InternalKVExistsReply> EXISTS =
      method(KEY_VALUE, "InternalKVExists", InternalKVExistsReply.getDefaultInstance());
  private static final MethodDescriptor<InternalKVKeysRequest, InternalKVKeysReply> KEYS =
      method(KEY_VALUE, "InternalKVKeys", InternalKVKeysReply.getDefaultInstance());
  private static final MethodDescriptor<InternalKVDelRequest, InternalKVDelReply> DELETE =
      method(KEY_VALUE, "InternalKVDel", InternalKVDelReply.getDefaultInstance());
  private static final MethodDescriptor<CheckAliveRequest, CheckAliveReply> ALIVE =
      method(NODES, "CheckAlive", CheckAliveReply.getDefaultInstance());
  private static final MethodDescriptor<GetAllNodeInfoRequest, GetAllNodeInfoReply> ALL_NODES =
      method(NODES, "GetAllNodeInfo", GetAllNodeInfoReply.getDefaultInstance());
  private static final MethodDescriptor<GetNamedActorInfoRequest, GetNamedActorInfoReply> ACTOR =
      method(ACTORS, "GetNamedActorInfo", GetNamedActorInfoReply.getDefaultInstance());
  private static final MethodDescriptor<GetAllActorInfoRequest, GetAllActorInfoReply> ALL_ACTORS =
      method(ACTORS, "GetAllActorInfo", GetAllActorInfoReply.getDefaultInstance());
  private static final MethodDescriptor<KillActorViaGcsRequest, KillActorViaGcsReply> KILL_ACTOR =
      method(ACTORS, "KillActorViaGcs", KillActorViaGcsReply.getDefaultInstance());
  private static final MethodDescriptor<
          GetAllAvailableResourcesRequest, GetAllAvailableResourcesReply>
      AVAILABLE =
          method(
              RESOURCES,
              "GetAllAvailableResources",
              GetAllAvailableResourcesReply.getDefaultInstance());
  private static final MethodDescriptor<GetCoreWorkerStatsRequest, GetCoreWorkerStatsReply> STATS =
      method(WORKER, "GetCoreWorkerStats", GetCoreWorkerStatsReply.getDefaultInstance());
  private static final MethodDescriptor<PinRuntimeEnvURIRequest, PinRuntimeEnvURIReply> PIN =
      method(RUNTIME_ENV, "PinRuntimeEnvURI", PinRuntimeEnvURIReply.getDefaultInstance());

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Vertx vertx;
  private final Supplier<Address> address;
  private final Credentials credentials;
  private final Duration deadline;
  private @Nullable ManagedChannel channel;

  /** Whether the server of this connection has asked for a token. */
  private volatile boolean sendsToken;

  /** The IP addresses that the host name had when the connection was opened. */
  private @Nullable CompletableFuture<Set<InetAddress>> connectedTo;

  /** The IP addresses that the host name has now; null if no lookup is in progress. */
  private @Nullable CompletableFuture<Set<InetAddress>> currentAddresses;

  /** The address of a GCS. */
  public record Address(String host, int port) {}

  /**
   * A node of the cluster.
   *
   * @param id the node id, in hexadecimal
   * @param address the IP address by which the cluster knows the node
   * @param hostname the host name of the machine
   * @param alive whether the GCS considers the node alive
   * @param head whether it is the head node
   * @param resources the total amount of each resource, by Ray's names
   */
  public record Node(
      String id,
      String address,
      String hostname,
      boolean alive,
      boolean head,
      Map<String, Double> resources) {}

  /**
   * An actor that is alive.
   *
   * @param id the actor id, in hexadecimal
   * @param name the actor's name; empty if it has none
   * @param namespace the Ray namespace of the name
   * @param host the IP address of the actor's worker process
   * @param port the gRPC port of the worker process
   * @param worker the worker id, in hexadecimal
   * @param pid the process id on its host
   * @param resources the amount of each resource that the actor holds, by Ray's names
   */
  public record Actor(
      String id,
      String name,
      String namespace,
      String host,
      int port,
      String worker,
      long pid,
      Map<String, Double> resources) {}

  /**
   * Creates a client. It connects with the first call.
   *
   * @param vertx reads the files for TLS
   * @param address returns the address of the GCS; called for each new connection
   * @param credentials what the cluster may require
   * @param deadline the deadline of each call
   */
  public Gcs(Vertx vertx, Supplier<Address> address, Credentials credentials, Duration deadline) {
    this.vertx = vertx;
    this.address = address;
    this.credentials = credentials;
    this.deadline = deadline;
  }

  /** Returns the Ray version of the cluster. */
  public CompletableFuture<String> rayVersion() {
    return ask(ALIVE, CheckAliveRequest.getDefaultInstance())
        .thenApply(reply -> checked(reply.getStatus(), reply).getRayVersion());
  }

  /** Returns all nodes that the cluster knows, including dead ones. */
  public CompletableFuture<List<Node>> nodes() {
    return ask(ALL_NODES, GetAllNodeInfoRequest.getDefaultInstance())
        .thenApply(
            reply ->
                checked(reply.getStatus(), reply).getNodeInfoListList().stream()
                    .map(
                        node ->
                            new Node(
                                hex(node.getNodeId()),
                                node.getNodeManagerAddress(),
                                node.getNodeManagerHostname(),
                                node.getState() == GcsNodeInfo.GcsNodeState.ALIVE,
                                node.getIsHeadNode(),
                                node.getResourcesTotalMap()))
                    .toList());
  }

  /** Returns the actors that are alive. */
  public CompletableFuture<List<Actor>> actors() {
    return actors(GetAllActorInfoRequest.Filters.newBuilder());
  }

  /**
   * Returns the living actors of the job to which an actor belongs: all that it has created, for
   * example.
   *
   * @param actorId the actor's id, in hexadecimal
   */
  public CompletableFuture<List<Actor>> actorsOfSameJob(String actorId) {
    String job = actorId.substring(Math.max(0, actorId.length() - JOB_ID_DIGITS));
    return actors(
        GetAllActorInfoRequest.Filters.newBuilder()
            .setJobId(ByteString.copyFrom(HexFormat.of().parseHex(job))));
  }

  private CompletableFuture<List<Actor>> actors(GetAllActorInfoRequest.Filters.Builder filters) {
    return ask(
            ALL_ACTORS,
            GetAllActorInfoRequest.newBuilder()
                .setLimit(MAX_ACTORS)
                .setFilters(filters.setState(ActorTableData.ActorState.ALIVE))
                .build())
        .thenApply(
            reply ->
                checked(reply.getStatus(), reply).getActorTableDataList().stream()
                    .map(
                        actor ->
                            new Actor(
                                hex(actor.getActorId()),
                                actor.getName(),
                                actor.getRayNamespace(),
                                actor.getAddress().getIpAddress(),
                                actor.getAddress().getPort(),
                                hex(actor.getAddress().getWorkerId()),
                                actor.getPid(),
                                actor.getRequiredResourcesMap()))
                    .toList());
  }

  /**
   * Returns the available resources of each node: node id in hexadecimal to Ray's resource name to
   * amount.
   */
  public CompletableFuture<Map<String, Map<String, Double>>> available() {
    return ask(AVAILABLE, GetAllAvailableResourcesRequest.getDefaultInstance())
        .thenApply(
            reply ->
                checked(reply.getStatus(), reply).getResourcesListList().stream()
                    .collect(
                        Collectors.toMap(
                            node -> hex(node.getNodeId()),
                            node -> node.getResourcesAvailableMap(),
                            (one, other) -> one)));
  }

  /**
   * Kills an actor's process. Ray does not restart the actor.
   *
   * @param actorId the actor id, in hexadecimal
   */
  public CompletableFuture<Void> kill(String actorId) {
    return ask(
            KILL_ACTOR,
            KillActorViaGcsRequest.newBuilder()
                .setActorId(ByteString.copyFrom(HexFormat.of().parseHex(actorId)))
                .setForceKill(true)
                .setNoRestart(true)
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /**
   * Returns the number of tasks that an actor runs. The call goes to the actor's process, which
   * answers it concurrently with the tasks unless the process is frozen.
   */
  public CompletableFuture<Integer> runningTasks(Actor actor) {
    ManagedChannel process;
    try {
      process = channel(actor.host(), actor.port());
    } catch (GcsException e) {
      return CompletableFuture.failedFuture(e);
    }
    return authorized(
            process,
            STATS,
            GetCoreWorkerStatsRequest.newBuilder()
                .setIntendedWorkerId(ByteString.copyFrom(HexFormat.of().parseHex(actor.worker())))
                .setIncludeTaskInfo(true)
                .setLimit(0)
                .build())
        .whenComplete((reply, error) -> process.shutdown())
        .thenApply(GetCoreWorkerStatsReply::getRunningTaskIdsCount);
  }

  /** Returns the id of the named actor, in hexadecimal; empty if there is no such actor. */
  public CompletableFuture<Optional<String>> actor(String namespace, String name) {
    return ask(
            ACTOR,
            GetNamedActorInfoRequest.newBuilder().setName(name).setRayNamespace(namespace).build())
        .thenApply(
            reply ->
                found(reply.getStatus())
                    ? Optional.of(hex(reply.getActorTableData().getActorId()))
                    : Optional.empty());
  }

  /** Returns the value of a key; empty if the key does not exist. */
  public CompletableFuture<Optional<String>> get(String namespace, String key) {
    return ask(
            GET,
            InternalKVGetRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setKey(bytes(key))
                .build())
        .thenApply(
            reply ->
                found(reply.getStatus())
                    ? Optional.of(reply.getValue().toStringUtf8())
                    : Optional.empty());
  }

  /** Returns whether a key exists. */
  public CompletableFuture<Boolean> exists(String namespace, String key) {
    return ask(
            EXISTS,
            InternalKVExistsRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setKey(bytes(key))
                .build())
        .thenApply(reply -> checked(reply.getStatus(), reply).getExists());
  }

  /**
   * Sets the value of a key.
   *
   * @param overwrite whether to replace an existing value. If false, only one of several concurrent
   *     calls succeeds.
   * @return whether the key was created; false if it existed
   */
  public CompletableFuture<Boolean> put(
      String namespace, String key, byte[] value, boolean overwrite) {
    return ask(
            PUT,
            InternalKVPutRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setKey(bytes(key))
                .setValue(ByteString.copyFrom(value))
                .setOverwrite(overwrite)
                .build())
        .thenApply(reply -> checked(reply.getStatus(), reply).getAdded() > 0);
  }

  /** Returns the keys with a prefix. */
  public CompletableFuture<List<String>> keys(String namespace, String prefix) {
    return ask(
            KEYS,
            InternalKVKeysRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setPrefix(bytes(prefix))
                .build())
        .thenApply(
            reply ->
                checked(reply.getStatus(), reply).getResultsList().stream()
                    .map(ByteString::toStringUtf8)
                    .toList());
  }

  /** Deletes a key. */
  public CompletableFuture<Void> delete(String namespace, String key) {
    return ask(
            DELETE,
            InternalKVDelRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setKey(bytes(key))
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /**
   * Keeps a runtime environment package for a while even if nothing uses it.
   *
   * @param uri the URI of the package
   * @param time how long to keep it, in whole seconds
   */
  public CompletableFuture<Void> pin(String uri, Duration time) {
    return ask(
            PIN,
            PinRuntimeEnvURIRequest.newBuilder()
                .setUri(uri)
                .setExpirationS((int) time.toSeconds())
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /** Describes a failure in words that follow the name of the GCS in a sentence. */
  public static String reason(Throwable error) {
    Throwable cause = cause(error);
    if (cause instanceof GcsException failure) {
      return failure.getMessage();
    }
    if (!(cause instanceof StatusException failed)) {
      return "cannot be queried: is its address right?";
    }
    String chain = chain(failed);
    if (failed.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED) {
      return "does not answer in time";
    } else if (chain.contains("CertificateExpired")) {
      return "has an expired certificate";
    } else if (chain.contains("SSLPeerUnverified")) {
      return "has a certificate that is not for its address";
    } else if (chain.contains("CertPath")) {
      return "has a certificate that RAY_TLS_CA_CERT did not sign";
    } else if (chain.contains("SSL")) {
      return "does not speak TLS as expected: does the cluster use it, with these certificates?"
          + " RAY_USE_TLS is on here";
    } else if (chain.contains("UnknownHost") || chain.contains("Unable to resolve host")) {
      return "has a name that does not resolve";
    } else if (chain.contains("Connection refused")) {
      return "refuses the connection";
    } else if (chain.contains("End of stream")) {
      return "closes the connection: does it use TLS (RAY_USE_TLS), or reject this certificate?";
    } else if (failed.getStatus().getCode() == Status.Code.UNAVAILABLE) {
      return "cannot be reached";
    }
    return "answers, but is not a Ray GCS: is another program on its port?";
  }

  /** Returns whether a healthy server answered the failed call, so that the connection stays. */
  private static boolean answered(Throwable error) {
    return cause(error) instanceof StatusException failed
        && failed.getStatus().getCode() == Status.Code.UNIMPLEMENTED;
  }

  /** Returns whether the deadline passed without an answer, which may be a network problem. */
  public static boolean silent(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof StatusException failed
        && failed.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED;
  }

  private static Throwable cause(Throwable error) {
    Throwable cause = error;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** Returns an exception and its causes, one per line. */
  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable e = error; e != null; e = e.getCause()) {
      text.append(e).append('\n');
    }
    return text.toString();
  }

  /** Calls a method of the GCS. After a failure, the next call opens a new connection. */
  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> ask(
      MethodDescriptor<Q, A> method, Q request) {
    return channel()
        .thenCompose(
            used ->
                authorized(used, method, request)
                    .whenComplete(
                        (reply, error) -> {
                          if (error != null && !answered(error)) {
                            drop(used);
                          }
                        }));
  }

  /** Calls a method, with the token if the cluster requires one. */
  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> authorized(
      ManagedChannel used, MethodDescriptor<Q, A> method, Q request) {
    if (sendsToken) {
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
                code(error) == Status.Code.UNAUTHENTICATED
                    ? withToken(used, method, request)
                    : CompletableFuture.failedFuture(error));
  }

  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> withToken(
      ManagedChannel used, MethodDescriptor<Q, A> method, Q request) {
    sendsToken = true;
    credentials.tokenRequired(true);
    Metadata headers = new Metadata();
    try {
      headers.put(AUTHORIZATION, "Bearer " + credentials.token());
    } catch (Credentials.Missing e) {
      return CompletableFuture.failedFuture(new GcsException(e.getMessage()));
    }
    return call(used, method, request, headers)
        .exceptionallyCompose(
            error ->
                CompletableFuture.failedFuture(
                    code(error) == Status.Code.UNAUTHENTICATED
                        ? new GcsException("rejects the token of " + credentials.tokenSource())
                        : error));
  }

  private static Status.@Nullable Code code(Throwable error) {
    return cause(error) instanceof StatusException failed ? failed.getStatus().getCode() : null;
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
    Address now = address.get();
    sendsToken = false; // It may be another cluster now.
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
        throw new GcsException("has a name that does not resolve");
      }
      String ip = addresses.iterator().next().getHostAddress();
      channel = channel(ip.contains(":") ? "[" + ip + "]" : ip, port);
    }
    return channel;
  }

  private ManagedChannel channel(String host, int port) {
    return OkHttpChannelBuilder.forAddress(host, port, channelCredentials())
        .maxInboundMessageSize(MAX_REPLY)
        // Runs callbacks on the network thread, because no callback blocks.
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
      throw new GcsException("uses TLS: " + e.getMessage());
    }
  }

  /**
   * Closes the connection, and fails its calls, if the host name resolves to another address than
   * before. Call this repeatedly while an answer is late: nothing may refuse connections to the old
   * address, so the calls would wait for their deadlines. This method does not wait for the
   * resolver.
   */
  public void reconsider() {
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

  /** Returns false for the status {@link #NOT_FOUND}; throws for any other error. */
  private static boolean found(GcsStatus status) {
    if (status.getCode() == NOT_FOUND) {
      return false;
    }
    checked(status, status);
    return true;
  }

  private static <T> T checked(GcsStatus status, T value) {
    if (status.getCode() != 0) {
      throw new GcsException("answers with Ray's status %d".formatted(status.getCode()));
    }
    return value;
  }

  /** A failure whose message is a {@link #reason}. */
  private static final class GcsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    GcsException(String reason) {
      super(reason);
    }

    @Override
    public String getMessage() {
      return String.valueOf(super.getMessage());
    }
  }

  private static ByteString bytes(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private static String hex(ByteString bytes) {
    return HexFormat.of().formatHex(bytes.toByteArray());
  }

  @SuppressWarnings("unchecked")
  private static <Q extends MessageLite, A extends MessageLite> MethodDescriptor<Q, A> method(
      String service, String name, A reply) {
    // Requests are only written, so the marshaller does not need their class.
    return MethodDescriptor.<Q, A>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("ray.rpc.%s/%s".formatted(service, name))
        .setRequestMarshaller(
            (MethodDescriptor.Marshaller<Q>) ProtoLiteUtils.marshaller((MessageLite) reply))
        .setResponseMarshaller(ProtoLiteUtils.marshaller(reply))
        .build();
  }
}
