package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.gcs.proto.ActorTableData;
import ai.seedcore.serve.gcs.proto.CheckAliveReply;
import ai.seedcore.serve.gcs.proto.GcsNodeInfo;
import ai.seedcore.serve.gcs.proto.GcsStatus;
import ai.seedcore.serve.gcs.proto.GetAllNodeInfoReply;
import ai.seedcore.serve.gcs.proto.GetNamedActorInfoReply;
import ai.seedcore.serve.gcs.proto.InternalKVGetReply;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import io.grpc.HandlerRegistry;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.okhttp.OkHttpServerBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** A gRPC server, over a real socket, that answers as a GCS of one node would. */
final class FakeGcs implements AutoCloseable {

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private static final GcsStatus NOT_FOUND = GcsStatus.newBuilder().setCode(17).build();

  volatile String session = "session_1";
  volatile String controller = "";
  volatile boolean silent;

  /** Answered to all that is asked; null: what a GCS answers. */
  volatile byte[] raw;

  /** What callers must send; empty: nothing. */
  volatile String token = "";

  /** The tokens that callers have sent. */
  final Queue<String> sent = new ConcurrentLinkedQueue<>();

  final AtomicLong asked = new AtomicLong();
  private final Server server;

  FakeGcs() throws IOException {
    Map<String, Supplier<MessageLite>> answers =
        Map.of(
            "InternalKVGcsService/InternalKVGet", this::session,
            "NodeInfoGcsService/CheckAlive",
                () -> CheckAliveReply.newBuilder().setRayVersion("2.39.0").build(),
            "NodeInfoGcsService/GetAllNodeInfo", FakeGcs::nodes,
            "ActorInfoGcsService/GetNamedActorInfo", this::actor);
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    Map<String, ServerMethodDefinition<?, ?>> methods = new HashMap<>();
    answers.forEach((name, answer) -> methods.put("ray.rpc." + name, method(name, answer)));
    OkHttpServerBuilder builder =
        OkHttpServerBuilder.forPort(any, InsecureServerCredentials.create())
            .executor(Executors.newCachedThreadPool())
            .fallbackHandlerRegistry(
                new HandlerRegistry() {
                  @Override
                  public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
                    return raw == null || methods.containsKey(name)
                        ? methods.get(name)
                        : method(name.substring("ray.rpc.".length()), FakeGcs::nodes);
                  }
                });
    server = builder.build().start();
  }

  int port() {
    return server.getPort();
  }

  private MessageLite session() {
    return session.isEmpty()
        ? InternalKVGetReply.newBuilder().setStatus(NOT_FOUND).build()
        : InternalKVGetReply.newBuilder().setValue(ByteString.copyFromUtf8(session)).build();
  }

  private static MessageLite nodes() {
    return GetAllNodeInfoReply.newBuilder()
        .addNodeInfoList(
            GcsNodeInfo.newBuilder()
                .setNodeId(ByteString.copyFrom(new byte[] {(byte) 0xab}))
                .setNodeManagerAddress("127.0.0.1")
                .setIsHeadNode(true))
        .addNodeInfoList(
            GcsNodeInfo.newBuilder()
                .setNodeId(ByteString.copyFrom(new byte[] {1}))
                .setNodeManagerAddress("10.255.255.1")
                .setState(GcsNodeInfo.GcsNodeState.DEAD))
        .build();
  }

  private MessageLite actor() {
    if (controller.isEmpty()) {
      return GetNamedActorInfoReply.newBuilder().setStatus(NOT_FOUND).build();
    }
    // An actor's id is told in hexadecimal digits: those of "c1" are what the page must show.
    ByteString id = ByteString.copyFrom(new byte[] {(byte) 0xc1});
    return GetNamedActorInfoReply.newBuilder()
        .setActorTableData(ActorTableData.newBuilder().setActorId(id))
        .build();
  }

  private ServerMethodDefinition<?, ?> method(String name, Supplier<MessageLite> answer) {
    MethodDescriptor<InputStream, InputStream> method =
        MethodDescriptor.<InputStream, InputStream>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("ray.rpc." + name)
            .setRequestMarshaller(new Bytes())
            .setResponseMarshaller(new Bytes())
            .build();
    return ServerMethodDefinition.create(method, (call, head) -> listen(call, head, answer));
  }

  private ServerCall.Listener<InputStream> listen(
      ServerCall<InputStream, InputStream> call, Metadata head, Supplier<MessageLite> answer) {
    call.request(1);
    asked.incrementAndGet();
    String sending = head.get(AUTHORIZATION);
    if (sending != null) {
      sent.add(sending);
    }
    if (!token.isEmpty() && !("Bearer " + token).equals(sending)) {
      call.close(Status.UNAUTHENTICATED, new Metadata());
      return new ServerCall.Listener<>() {};
    }
    return new ServerCall.Listener<>() {
      @Override
      public void onHalfClose() {
        if (!silent) {
          call.sendHeaders(new Metadata());
          call.sendMessage(
              new ByteArrayInputStream(raw == null ? answer.get().toByteArray() : raw));
          call.close(Status.OK, new Metadata());
        }
      }
    };
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<InputStream> {
    @Override
    public InputStream stream(InputStream value) {
      return value;
    }

    @Override
    public InputStream parse(InputStream stream) {
      try {
        return new ByteArrayInputStream(stream.readAllBytes());
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
