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
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.lite.ProtoLiteUtils;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * An asynchronous client of the GCS of one cluster. All methods return futures; {@link
 * GcsFailure#reason} describes why one failed. Every call has the same deadline. After a failure,
 * the client resolves the address again and opens a new connection, because a restarted head may
 * have another address, and a broken connection may look alive for minutes.
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

  private final Connection connection;

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
    this.connection = new Connection(vertx, address, credentials, deadline);
  }

  /** Returns the Ray version of the cluster. */
  public CompletableFuture<String> rayVersion() {
    return connection
        .ask(ALIVE, CheckAliveRequest.getDefaultInstance())
        .thenApply(reply -> checked(reply.getStatus(), reply).getRayVersion());
  }

  /** Returns all nodes that the cluster knows, including dead ones. */
  public CompletableFuture<List<Node>> nodes() {
    return connection
        .ask(ALL_NODES, GetAllNodeInfoRequest.getDefaultInstance())
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
    return connection
        .ask(
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
    return connection
        .ask(AVAILABLE, GetAllAvailableResourcesRequest.getDefaultInstance())
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
    return connection
        .ask(
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
    return connection
        .askOnce(
            actor.host(),
            actor.port(),
            STATS,
            GetCoreWorkerStatsRequest.newBuilder()
                .setIntendedWorkerId(ByteString.copyFrom(HexFormat.of().parseHex(actor.worker())))
                .setIncludeTaskInfo(true)
                .setLimit(0)
                .build())
        .thenApply(GetCoreWorkerStatsReply::getRunningTaskIdsCount);
  }

  /** Returns the id of the named actor, in hexadecimal; empty if there is no such actor. */
  public CompletableFuture<Optional<String>> actor(String namespace, String name) {
    return connection
        .ask(
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
    return connection
        .ask(
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
    return connection
        .ask(
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
    return connection
        .ask(
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
    return connection
        .ask(
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
    return connection
        .ask(
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
    return connection
        .ask(
            PIN,
            PinRuntimeEnvURIRequest.newBuilder()
                .setUri(uri)
                .setExpirationS((int) time.toSeconds())
                .build())
        .thenAccept(reply -> checked(reply.getStatus(), reply));
  }

  /** Reconsiders the address, see {@link Connection#reconsider}. */
  public void reconsider() {
    connection.reconsider();
  }

  @Override
  public void close() {
    connection.close();
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
      throw new GcsFailure("answers with Ray's status %d".formatted(status.getCode()));
    }
    return value;
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
