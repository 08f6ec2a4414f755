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
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.grpc.protobuf.lite.ProtoLiteUtils;
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
 * The GCS of one cluster. Answers come as futures; one that fails says why by {@link #reason}. Each
 * question has one deadline. After a failure the connection is made anew, and the address with it:
 * a head that comes back may have another one, and a connection that was cut may look alive for
 * minutes.
 */
public final class Gcs implements AutoCloseable {

  /** Ray's status code for what is not there. */
  private static final int NOT_FOUND = 17;

  private static final String KEY_VALUE = "InternalKVGcsService";
  private static final String NODES = "NodeInfoGcsService";
  private static final String ACTORS = "ActorInfoGcsService";
  private static final String RESOURCES = "NodeResourceInfoGcsService";
  private static final String RUNTIME_ENV = "RuntimeEnvGcsService";
  private static final String WORKER = "CoreWorkerService";

  /** More actors than a cluster has that we can be of use to; each is some 500 bytes. */
  private static final int MOST_ACTORS = 10_000;

  /** How long a reply may be: read, it takes several times as much of a small heap. */
  private static final int LARGEST =
      (int) Math.min(16 << 20, Math.max(1 << 20, Runtime.getRuntime().maxMemory() / 12));

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

  private final Supplier<Address> address;
  private final Duration deadline;
  private @Nullable ManagedChannel channel;
  private @Nullable CompletableFuture<Set<InetAddress>> connectedTo;
  private @Nullable CompletableFuture<Set<InetAddress>> meansNow;

  /** Where a GCS listens. */
  public record Address(String host, int port) {}

  /**
   * A node of the cluster.
   *
   * @param id in hexadecimal digits
   * @param address under which the cluster knows it
   * @param hostname what its machine calls itself
   * @param resources what it has in all, by Ray's names
   */
  public record Node(
      String id,
      String address,
      String hostname,
      boolean alive,
      boolean head,
      Map<String, Double> resources) {}

  /**
   * A living actor.
   *
   * @param id in hexadecimal digits
   * @param name its name; empty: it has none
   * @param host where its process listens, as are port and worker
   * @param worker the process's id, in hexadecimal digits
   * @param pid its process id there
   * @param resources what it holds, by Ray's names
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
   * A GCS.
   *
   * @param address asked anew for each connection
   * @param deadline for each question
   */
  public Gcs(Supplier<Address> address, Duration deadline) {
    this.address = address;
    this.deadline = deadline;
  }

  /** The version of the cluster's Ray. */
  public CompletableFuture<String> rayVersion() {
    return ask(ALIVE, CheckAliveRequest.getDefaultInstance())
        .thenApply(reply -> checked(reply.getStatus(), reply).getRayVersion());
  }

  /** All nodes that the cluster knows, dead ones too. */
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

  /** The living actors. */
  public CompletableFuture<List<Actor>> actors() {
    return ask(
            ALL_ACTORS,
            GetAllActorInfoRequest.newBuilder()
                .setLimit(MOST_ACTORS)
                .setFilters(
                    GetAllActorInfoRequest.Filters.newBuilder()
                        .setState(ActorTableData.ActorState.ALIVE))
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

  /** What is free on each node, by the node's id in hexadecimal digits and Ray's names. */
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

  /** Ends an actor's process at once, for good. */
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
   * How many requests an actor is at work on, asked of its process itself. It answers beside them;
   * one that is frozen does not.
   */
  public CompletableFuture<Integer> runningTasks(Actor actor) {
    ManagedChannel process = channel(actor.host(), actor.port());
    CompletableFuture<GetCoreWorkerStatsReply> answer = new CompletableFuture<>();
    call(
        process,
        STATS,
        GetCoreWorkerStatsRequest.newBuilder()
            .setIntendedWorkerId(ByteString.copyFrom(HexFormat.of().parseHex(actor.worker())))
            .setIncludeTaskInfo(true)
            .setLimit(0)
            .build(),
        answer);
    return answer
        .whenComplete((reply, error) -> process.shutdown())
        .thenApply(GetCoreWorkerStatsReply::getRunningTaskIdsCount);
  }

  /** The id of the living actor of that name, in hexadecimal digits; empty where there is none. */
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

  /** The value of a key; empty where there is none. */
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

  /** Whether there is such a key. */
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
   * Sets a value.
   *
   * @param overwrite false: only where there is none yet; of several who try, one succeeds
   * @return whether the key came to be; false where it was there
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

  /** The keys that begin so. */
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

  /** Removes a key. */
  public CompletableFuture<Void> delete(String namespace, String key) {
    return ask(
            DELETE,
            InternalKVDelRequest.newBuilder()
                .setNamespace(bytes(namespace))
                .setKey(bytes(key))
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /** Keeps a package for so long, whether or not anything uses it. */
  public CompletableFuture<Void> pin(String uri, Duration time) {
    return ask(
            PIN,
            PinRuntimeEnvURIRequest.newBuilder()
                .setUri(uri)
                .setExpirationS((int) time.toSeconds())
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /** What went wrong, in words for people; to be read after the GCS's name. */
  public static String reason(Throwable error) {
    Throwable cause = cause(error);
    if (cause instanceof Refused refused) {
      return refused.getMessage();
    }
    if (!(cause instanceof StatusException failed)) {
      return "cannot be asked: is its address right?";
    }
    String chain = chain(failed);
    if (failed.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED) {
      return "does not answer in time";
    } else if (chain.contains("UnknownHost") || chain.contains("Unable to resolve host")) {
      return "has a name that does not resolve";
    } else if (chain.contains("Connection refused")) {
      return "refuses the connection";
    } else if (failed.getStatus().getCode() == Status.Code.UNAVAILABLE) {
      return "cannot be reached";
    }
    return "answers, but is no GCS of Ray's: is another program on its port?";
  }

  /** Whether a failure was answered by a server that is well: others use the same connection. */
  private static boolean answered(Throwable error) {
    return cause(error) instanceof StatusException failed
        && failed.getStatus().getCode() == Status.Code.UNIMPLEMENTED;
  }

  /** Whether a failure is a silence, which may be the network's, and not an answer. */
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

  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable e = error; e != null; e = e.getCause()) {
      text.append(e).append('\n');
    }
    return text.toString();
  }

  private <Q extends MessageLite, A extends MessageLite> CompletableFuture<A> ask(
      MethodDescriptor<Q, A> method, Q request) {
    CompletableFuture<A> answer = new CompletableFuture<>();
    return channel()
        .thenCompose(
            asked -> {
              call(asked, method, request, answer);
              return answer.whenComplete(
                  (reply, error) -> {
                    if (error != null && !answered(error)) {
                      drop(asked);
                    }
                  });
            });
  }

  private <Q extends MessageLite, A extends MessageLite> void call(
      ManagedChannel asked, MethodDescriptor<Q, A> method, Q request, CompletableFuture<A> answer) {
    ClientCall<Q, A> call =
        asked.newCall(
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
            if (!answer.isDone()) { // Also where it closes well without an answer.
              answer.completeExceptionally(
                  (status.isOk() ? Status.INTERNAL : status).asException());
            }
          }
        },
        new Metadata());
    call.sendMessage(request);
    call.halfClose();
    call.request(1);
  }

  private CompletableFuture<ManagedChannel> channel() {
    try {
      return connect();
    } catch (RuntimeException e) { // gRPC does not take the address.
      return CompletableFuture.failedFuture(e);
    }
  }

  private synchronized CompletableFuture<ManagedChannel> connect() {
    if (channel != null) {
      return CompletableFuture.completedFuture(channel);
    }
    Address now = address.get();
    connectedTo = addresses(now.host());
    meansNow = null;
    if (now.host().indexOf('_') < 0) {
      channel = channel(now.host(), now.port());
      return CompletableFuture.completedFuture(channel);
    }
    // gRPC takes no such name, which every resolver does: it is told the number.
    return connectedTo.thenApply(numbers -> channel(numbers, now.port()));
  }

  private synchronized ManagedChannel channel(Set<InetAddress> numbers, int port) {
    if (channel == null) {
      if (numbers.isEmpty()) {
        throw new Refused("has a name that does not resolve");
      }
      String number = numbers.iterator().next().getHostAddress();
      channel = channel(number.contains(":") ? "[" + number + "]" : number, port);
    }
    return channel;
  }

  private static ManagedChannel channel(String host, int port) {
    return OkHttpChannelBuilder.forAddress(host, port)
        .usePlaintext()
        .maxInboundMessageSize(LARGEST)
        // Answers are handed over where they arrive: nobody blocks there.
        .executor((Executor) Runnable::run)
        .disableRetry()
        .build();
  }

  /**
   * To be called now and then while an answer is late: ends the connection, and with it the
   * questions, if its name has come to mean another address since. Where a head was, there may be
   * nobody to refuse, and the whole deadline would be waited for. Does not wait for the resolver.
   */
  public void reconsider() {
    if (movedAway()) {
      close(); // The next question is asked where the name leads now.
    }
  }

  private synchronized boolean movedAway() {
    if (channel == null || connectedTo == null || !connectedTo.isDone()) {
      return false;
    }
    if (meansNow == null) {
      meansNow = addresses(address.get().host());
    } else if (meansNow.isDone()) {
      Set<InetAddress> now = meansNow.join();
      meansNow = null;
      return !now.isEmpty() && !now.equals(connectedTo.join());
    }
    return false;
  }

  /** What a name means now; nothing where it does not resolve. */
  private static CompletableFuture<Set<InetAddress>> addresses(String host) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return Set.copyOf(List.of(InetAddress.getAllByName(host))); // It may say one twice.
          } catch (UnknownHostException e) {
            return Set.of();
          }
        });
  }

  // A channel is shut down without our lock: its own threads hold locks of its when they come here.

  private void drop(ManagedChannel failed) {
    synchronized (this) {
      if (channel == failed) {
        channel = null;
      }
    }
    failed.shutdown(); // What else is asked there may yet be answered.
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

  private static boolean found(GcsStatus status) {
    if (status.getCode() == NOT_FOUND) {
      return false;
    }
    checked(status, status);
    return true;
  }

  private static <T> T checked(GcsStatus status, T value) {
    if (status.getCode() != 0) {
      throw new Refused("answers with Ray's status %d".formatted(status.getCode()));
    }
    return value;
  }

  /** Why there is no answer, in our words. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refused(String reason) {
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
    // The request is only ever written, for which its own class need not be known.
    return MethodDescriptor.<Q, A>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("ray.rpc.%s/%s".formatted(service, name))
        .setRequestMarshaller(
            (MethodDescriptor.Marshaller<Q>) ProtoLiteUtils.marshaller((MessageLite) reply))
        .setResponseMarshaller(ProtoLiteUtils.marshaller(reply))
        .build();
  }
}
