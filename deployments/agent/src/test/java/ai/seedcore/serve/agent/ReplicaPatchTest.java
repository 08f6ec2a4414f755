package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ray.serve.generated.RequestMetadata;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.msgpack.core.MessagePack;
import org.slf4j.MDC;

/** The patch on classes of the same names and shape; the cluster tests load Ray's own. */
class ReplicaPatchTest {

  private final Patching loader = new Patching();

  @Test
  void theProxysTwoCallsFindTheirMethods() throws Throwable {
    Object replica = replica(request -> "done " + request);
    Object wrapper = wrapper(replica);
    assertThat(wrapper.getClass().getMethod("pushProxyHandle", Object.class).invoke(wrapper, "x"))
        .isNull();
    assertThat(ongoing(wrapper)).isEqualTo(0);
    assertThat(call(wrapper)).isEqualTo("done a");
  }

  @Test
  void aFailedCallIsTakenBackFromTheCountAndStillThrown() throws Exception {
    Object wrapper =
        wrapper(
            replica(
                request -> {
                  throw new IllegalStateException("model failed");
                }));
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> call(wrapper)).hasMessage("model failed");
    }
    assertThat(ongoing(wrapper)).isEqualTo(0);
  }

  @Test
  void whatIsLoggedMeanwhileBearsTheRequestsId() throws Throwable {
    assertThat(call(wrapper(replica(request -> MDC.get("request_id"))), "id-1")).isEqualTo("id-1");
    assertThat(MDC.get("request_id")).isNull();
    Object failing =
        wrapper(
            replica(
                request -> {
                  throw new IllegalStateException(MDC.get("request_id"));
                }));
    assertThatThrownBy(() -> call(failing, "id-2")).hasMessage("id-2");
    assertThat(MDC.get("request_id")).isNull();
  }

  @Test
  void aCallUnderWayIsCounted() throws Throwable {
    Object[] wrapper = new Object[1];
    wrapper[0] = wrapper(replica(request -> ongoing(wrapper[0])));
    assertThat(call(wrapper[0])).isEqualTo(1);
  }

  @Test
  void whatAnswersPythonIsWrittenAsPythonReadsIt() throws Throwable {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("scores", List.of(0.5, 1, true, "x", Map.of("deep", new ArrayList<>())));
    answer.put("none", null);
    Object reply = call(wrapper(replica(request -> answer)));
    assertThat(MessagePack.newDefaultUnpacker(encode(reply)).unpackValue().toJson())
        .isEqualTo("{\"scores\":[0.5,1,true,\"x\",{\"deep\":[]}],\"none\":null}");
  }

  @Test
  void whatAnswersAHandleStaysJavas() throws Throwable {
    Object reply = call(wrapper(replica(request -> Map.of("a", 1))), "");
    assertThat(reply).isEqualTo(Map.of("a", 1));
    assertThat(MessagePack.newDefaultUnpacker(encode(reply)).unpackString()).startsWith("java:");
  }

  @Test
  void whatIsNotJsonIsLeftToRay() throws Throwable {
    Map<String, Object> answer = Map.of("a", new Object());
    assertThat(call(wrapper(replica(request -> answer)))).isSameAs(answer);
    assertThat(MessagePack.newDefaultUnpacker(encode("plain")).unpackString()).isEqualTo("plain");
  }

  @Test
  void aClassThatHasTheMethodsIsLeftAlone() throws Exception {
    byte[] once = ReplicaPatch.apply(ReplicaPatch.WRAPPER, bytes(ReplicaPatch.WRAPPER));
    byte[] twice = ReplicaPatch.apply(ReplicaPatch.WRAPPER, once);
    assertThat(twice).isEqualTo(once);
  }

  @Test
  void otherClassesAreNotTouched() {
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
    try {
      return wrapper
          .getClass()
          .getMethod("handleRequest", Object.class, Object.class)
          .invoke(wrapper, new RequestMetadata(requestId), "a");
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

  /** Defines the patched classes from their patched bytes; the JVM's verifier judges them. */
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
