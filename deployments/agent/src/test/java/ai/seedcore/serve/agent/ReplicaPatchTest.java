package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.api.Response;
import io.ray.serve.config.DeploymentConfig;
import io.ray.serve.generated.RequestMetadata;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.msgpack.core.MessagePack;
import org.msgpack.value.MapValue;
import org.msgpack.value.Value;
import org.msgpack.value.ValueFactory;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.slf4j.MDC;

/** Patches stand-ins for Ray's classes. The cluster tests patch the classes of a real Ray. */
@ResourceLock("the settings of Requests")
class ReplicaPatchTest {

  private final Patching loader = new Patching();

  @Test
  void addsMethodsThatProxyAndControllerCall() throws Throwable {
    Object replica = replica(request -> "done " + request);
    Object wrapper = wrapper(replica);
    assertThat(wrapper.getClass().getMethod("pushProxyHandle", Object.class).invoke(wrapper, "x"))
        .isNull();
    assertThat(ongoing(wrapper)).isEqualTo(0);
    assertThat(wrapper.getClass().getMethod("performGracefulShutdown").invoke(wrapper))
        .isEqualTo(true);
    assertThat(call(wrapper)).isEqualTo("done a");
  }

  @Test
  void checkHealthThrowsIfUnhealthy() throws Exception {
    Object replica = replica(request -> request);
    Object wrapper = wrapper(replica);
    assertThat(wrapper.getClass().getMethod("checkHealth").invoke(wrapper)).isEqualTo(true);
    replica.getClass().getField("healthy").set(replica, false);
    assertThatThrownBy(() -> wrapper.getClass().getMethod("checkHealth").invoke(wrapper))
        .rootCause()
        .extracting(error -> text(error.getMessage()))
        .asString()
        .contains("checkHealth returned false");
  }

  @Test
  void limitsConcurrentRequestsToMaxOngoingRequests() throws Exception {
    AtomicInteger running = new AtomicInteger();
    AtomicInteger peak = new AtomicInteger();
    CountDownLatch proceed = new CountDownLatch(1);
    Object replica =
        replica(
            request -> {
              peak.accumulateAndGet(running.incrementAndGet(), Math::max);
              try {
                proceed.await();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              running.decrementAndGet();
              return "";
            });
    Object wrapper = wrapper(replica);
    reconfigure(replica, 2);
    ExecutorService threads = Executors.newFixedThreadPool(6);
    try {
      List<Future<Object>> calls = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        calls.add(threads.submit(() -> handle(wrapper)));
      }
      await().until(() -> ongoing(wrapper).equals(6));
      assertThat(running).hasValue(2);
      reconfigure(replica, 4); // Two waiting requests start.
      await().until(() -> running.get() == 4);
      reconfigure(replica, 1);
      proceed.countDown();
      for (Future<Object> call : calls) {
        call.get();
      }
      assertThat(peak).hasValue(4);
    } finally {
      threads.shutdownNow();
      reconfigure(replica, 100);
    }
  }

  /** Returns the error reply of a call that must fail, as JSON. */
  private static String errorReply(Object wrapper) throws Exception {
    try {
      call(wrapper);
    } catch (Throwable e) {
      return text(e.getMessage());
    }
    throw new AssertionError("the call did not fail");
  }

  private static String text(String message) {
    assertThat(message).matches("\\{seedcore [A-Za-z0-9+/=]+ seedcore}");
    byte[] base64 = message.split(" ", -1)[1].getBytes(StandardCharsets.US_ASCII);
    return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
  }

  private static Object handle(Object wrapper) throws Exception {
    try {
      return call(wrapper);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static void reconfigure(Object replica, int limit) throws ReflectiveOperationException {
    replica
        .getClass()
        .getMethod("reconfigure", DeploymentConfig.class)
        .invoke(replica, new DeploymentConfig(limit));
  }

  @Test
  void failedCallIsUncountedAndReported() throws Exception {
    Object wrapper =
        wrapper(
            replica(
                request -> {
                  throw new IllegalStateException("model failed");
                }));
    for (int i = 0; i < 3; i++) {
      assertThat(errorReply(wrapper))
          .startsWith("{\"status\":\"error\",\"code\":\"internal\"")
          .contains("\"id\":")
          .doesNotContain("model failed");
    }
    // A Java handle sends no request id and can read Java exceptions.
    assertThatThrownBy(() -> call(wrapper, "")).hasMessage("model failed");
    assertThat(ongoing(wrapper)).isEqualTo(0);
  }

  @Test
  void setsRequestIdInMdcDuringCall() throws Throwable {
    assertThat(call(wrapper(replica(request -> MDC.get("request_id"))), "id-1")).isEqualTo("id-1");
    assertThat(MDC.get("request_id")).isNull();
    List<String> seen = new ArrayList<>();
    Object failing =
        wrapper(
            replica(
                request -> {
                  seen.add(MDC.get("request_id"));
                  throw new IllegalStateException();
                }));
    assertThatThrownBy(() -> call(failing, "id-2")).isInstanceOf(RuntimeException.class);
    assertThat(seen).containsExactly("id-2");
    assertThat(MDC.get("request_id")).isNull();
  }

  @Test
  void countsCallInProgress() throws Throwable {
    Object[] wrapper = new Object[1];
    wrapper[0] = wrapper(replica(request -> ongoing(wrapper[0])));
    assertThat(call(wrapper[0])).isEqualTo(1);
  }

  @Test
  void writesReplyToPythonAsMessagePackMap() throws Throwable {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("scores", List.of(0.5, 1, true, "x", Map.of("deep", new ArrayList<>())));
    answer.put("none", null);
    Object reply = call(wrapper(replica(request -> answer)));
    assertThat(MessagePack.newDefaultUnpacker(encode(reply)).unpackValue().toJson())
        .isEqualTo("{\"scores\":[0.5,1,true,\"x\",{\"deep\":[]}],\"none\":null}");
  }

  @Test
  void passesWholeResponsesToAProxyThatUnderstandsThem() throws Throwable {
    Response response = Response.of(201, Map.of("a", 1)).withHeader("Location", "/1");
    Object wrapper = wrapper(replica(request -> response));
    RequestMetadata patched =
        new RequestMetadata("r-1", Map.of(ReplicaPatch.HEAD, "{\"method\":\"POST\"}"));
    assertThat(json(call(wrapper, patched)))
        .contains("\"status\":201", "\"headers\":[[\"Location\",\"/1\"]]", "application/json")
        .contains("\"body\":\"{\\\"a\\\":1}\"");
    // Others get the body: an unpatched proxy, another deployment, a Java handle.
    assertThat(json(call(wrapper))).isEqualTo("{\"a\":1}");
    assertThat(call(wrapper, "")).isEqualTo(Map.of("a", 1));

    Object bytes = wrapper(replica(request -> Response.of(new byte[] {1, (byte) 0xff})));
    assertThat(MessagePack.newDefaultUnpacker(encode(call(bytes, patched))).unpackValue())
        .asInstanceOf(InstanceOfAssertFactories.type(MapValue.class))
        .extracting(map -> reply(map).get(ValueFactory.newString("body")))
        .isEqualTo(ValueFactory.newBinary(new byte[] {1, (byte) 0xff}));
  }

  private static Map<Value, Value> reply(MapValue map) {
    return map.map().get(ValueFactory.newString("\0seedcore")).asMapValue().map();
  }

  private String json(Object reply) throws Exception {
    return MessagePack.newDefaultUnpacker(encode(reply)).unpackValue().toJson();
  }

  @Test
  void keepsJavaFormatForJavaHandle() throws Throwable {
    Object reply = call(wrapper(replica(request -> Map.of("a", 1))), "");
    assertThat(reply).isEqualTo(Map.of("a", 1));
    assertThat(MessagePack.newDefaultUnpacker(encode(reply)).unpackString()).startsWith("java:");
  }

  @Test
  void namesFieldWithoutJsonRepresentation() throws Throwable {
    Map<String, Object> answer = Map.of("a", List.of(1, Map.of("b", new Object())));
    assertThat(errorReply(wrapper(replica(request -> answer))))
        .contains("invalid_result")
        .contains("field a[1].b cannot be written as JSON: no JSON representation for class")
        .contains("java.lang.Object");
    assertThat(MessagePack.newDefaultUnpacker(encode("plain")).unpackString()).isEqualTo("plain");
  }

  @Test
  void addsNoMethodThatClassAlreadyHas() throws Exception {
    byte[] once = ReplicaPatch.apply(ReplicaPatch.WRAPPER, bytes(ReplicaPatch.WRAPPER));
    byte[] twice = ReplicaPatch.apply(ReplicaPatch.WRAPPER, once);
    assertThat(methods(twice)).isEqualTo(methods(once)).doesNotHaveDuplicates();
  }

  private static List<String> methods(byte[] classFile) {
    List<String> names = new ArrayList<>();
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9) {
              @Override
              public MethodVisitor visitMethod(
                  int access, String name, String descriptor, String signature, String[] thrown) {
                names.add(name + descriptor);
                return null;
              }
            },
            ClassReader.SKIP_CODE);
    return names;
  }

  @Test
  void patchesOnlyListedClasses() {
    assertThat(ReplicaPatch.applies("io/ray/serve/replica/RayServeReplica")).isFalse();
    assertThat(ReplicaPatch.applies(ReplicaPatch.REPLICA)).isTrue();
  }

  private Object replica(UnaryOperator<Object> callable) throws Exception {
    return loader
        .loadClass(ReplicaPatch.REPLICA.replace('/', '.'))
        .getConstructor(UnaryOperator.class)
        .newInstance(callable);
  }

  private Object wrapper(Object replica) throws Exception {
    return loader
        .loadClass(ReplicaPatch.WRAPPER.replace('/', '.'))
        .getConstructor(replica.getClass())
        .newInstance(replica);
  }

  private static Object ongoing(Object wrapper) {
    try {
      return wrapper.getClass().getMethod("getNumOngoingRequests").invoke(wrapper);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private static Object call(Object wrapper) throws Throwable {
    return call(wrapper, "r-1");
  }

  private static Object call(Object wrapper, String requestId) throws Throwable {
    return call(wrapper, new RequestMetadata(requestId, Map.of()));
  }

  private static Object call(Object wrapper, RequestMetadata metadata) throws Throwable {
    try {
      return wrapper
          .getClass()
          .getMethod("handleRequest", Object.class, Object.class)
          .invoke(wrapper, metadata, "a");
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private byte[] encode(Object object) throws ReflectiveOperationException {
    return (byte[])
        loader
            .loadClass(ReplicaPatch.SERIALIZER.replace('/', '.'))
            .getMethod("encode", Object.class)
            .invoke(null, object);
  }

  private static byte[] bytes(String name) throws IOException {
    try (InputStream file =
        ReplicaPatchTest.class.getClassLoader().getResourceAsStream(name + ".class")) {
      assertThat(file).as(name).isNotNull();
      return file.readAllBytes();
    }
  }

  /** Defines the patched classes, so that the JVM verifies their byte code. */
  private static final class Patching extends ClassLoader {
    Patching() {
      super(ReplicaPatchTest.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      String internal = name.replace('.', '/');
      if (!ReplicaPatch.applies(internal) && !internal.startsWith(ReplicaPatch.SERIALIZER)) {
        return super.loadClass(name, resolve);
      }
      Class<?> loaded = findLoadedClass(name);
      if (loaded != null) {
        return loaded;
      }
      try {
        byte[] plain = bytes(internal);
        byte[] patched =
            ReplicaPatch.applies(internal) ? ReplicaPatch.apply(internal, plain) : plain;
        return defineClass(name, patched, 0, patched.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }
}
