package ai.seedcore.serve.agent.direct;

import java.lang.reflect.Field;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What the direct path needs from Ray in a replica's JVM. Uses reflection, because the agent is
 * compiled without Ray and runs with several versions of it.
 */
final class Ray {

  private final Object runtime;

  private Ray(Object runtime) {
    this.runtime = runtime;
  }

  /** Returns the runtime of this JVM, which is a replica's. */
  static Ray current() throws ReflectiveOperationException {
    return new Ray(
        Class.forName("io.ray.api.Ray", true, ClassLoader.getSystemClassLoader())
            .getMethod("internal")
            .invoke(null));
  }

  /** Returns the id of this JVM's actor, in hexadecimal. */
  String actorId() throws ReflectiveOperationException {
    return call(call(runtime, "getWorkerContext"), "getCurrentActorId").toString();
  }

  /** Returns the address of this worker's node, as the cluster knows it. */
  String host() throws ReflectiveOperationException {
    return (String) call(rpcAddress(), "getIpAddress");
  }

  /** Returns the port of this worker's gRPC server. */
  int port() throws ReflectiveOperationException {
    return (Integer) call(rpcAddress(), "getPort");
  }

  private Object rpcAddress() throws ReflectiveOperationException {
    return call(call(runtime, "getWorkerContext"), "getRpcAddress");
  }

  /** Returns the value of a key in the GCS; null if there is none. */
  @Nullable String value(String namespace, String key) throws ReflectiveOperationException {
    Object gcs = call(runtime, "getGcsClient");
    return (String)
        gcs.getClass()
            .getMethod("getInternalKV", String.class, String.class)
            .invoke(gcs, namespace, key);
  }

  /** Returns Ray's own count of a replica's ongoing requests, which its router reads. */
  static AtomicInteger ongoing(Object replica) throws ReflectiveOperationException {
    Field field = replica.getClass().getDeclaredField("numOngoingRequests");
    field.setAccessible(true);
    return (AtomicInteger) field.get(replica);
  }

  /** Returns the object that a replica serves. */
  static Object callable(Object replica) throws ReflectiveOperationException {
    return call(replica, "getCallable");
  }

  private static Object call(Object object, String method) throws ReflectiveOperationException {
    // The declaring class of an interface's implementation need not be public.
    var found = object.getClass().getMethod(method);
    found.setAccessible(true);
    return found.invoke(object);
  }
}
