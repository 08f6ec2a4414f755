package ai.seedcore.serve.agent;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The class that Serve instantiates in a replica. It holds an instance of the declared class and
 * delegates calls to it.
 *
 * <p>Ray converts constructor arguments without regard to the parameter types: integers arrive as
 * {@code Byte}, and maps fail. This class receives the declared arguments as JSON and converts them
 * to the parameter types of the constructor. The declared class needs no Ray import. It has a
 * public {@code call} method with one parameter and, optionally, {@code checkHealth()}, {@code
 * reconfigure} with one parameter, and {@code del()}.
 *
 * <p>If the declared class cannot be instantiated, the replica is unhealthy. The patched Serve
 * treats that as a failed start (see java_support.py). A Serve that was started without the patch
 * routes requests to the replica anyway; each of them is answered with the reason.
 */
public final class Host {

  private static final Gson JSON = new Gson();

  private final @Nullable Deployment deployment;

  /** The reason why the deployment cannot serve; empty if it can. */
  private final String failure;

  /** The {@code user_config} that was applied last; null if there was none. */
  private @Nullable JsonElement userConfig;

  /** An instance of the declared class and its methods. */
  private record Deployment(
      Object object,
      MethodHandle call,
      @Nullable Method reconfigure,
      @Nullable Method checkHealth,
      @Nullable Method del) {}

  /**
   * Instantiates the declared class. A failure does not throw; the health check reports it.
   *
   * @param className the declared class
   * @param arguments the constructor's arguments, a JSON array
   * @param settings the first {@link Settings}, as JSON; empty if they arrive through {@link
   *     #reconfigure}
   */
  public Host(String className, String arguments, String settings) {
    Deployment created = null;
    String reason = "";
    try {
      created = create(className, arguments);
    } catch (Exception | LinkageError e) {
      e.printStackTrace(); // Goes to the worker's log.
      reason = Requests.message(e);
    }
    deployment = created;
    if (reason.isEmpty() && !settings.isEmpty()) {
      try {
        apply(Settings.parse(settings));
      } catch (Exception | LinkageError e) {
        e.printStackTrace();
        reason = Requests.message(e);
      }
    }
    failure = reason;
  }

  private static Deployment create(String className, String arguments)
      throws ReflectiveOperationException {
    Class<?> type = declaredClass(className);
    JsonArray values = JsonParser.parseString(arguments).getAsJsonArray();
    Object object = construct(type, values);
    Method call =
        method(type, "call", 1)
            .orElseThrow(
                () ->
                    new NoSuchMethodException(
                        className + " has no public method call(Object): nothing to serve"));
    Class<?> parameter = call.getParameterTypes()[0];
    if (!parameter.isAssignableFrom(String.class)) {
      throw new NoSuchMethodException(
          "%s.call takes a %s, but a request body is a String: expected call(Object) or call(String)"
              .formatted(className, parameter.getName()));
    }
    return new Deployment(
        object,
        MethodHandles.lookup()
            .unreflect(call)
            .bindTo(object)
            .asType(MethodType.methodType(Object.class, Object.class)),
        method(type, "reconfigure", 1).orElse(null),
        method(type, "checkHealth", 0).orElse(null),
        method(type, "del", 0).orElse(null));
  }

  /**
   * Applies a new {@code user_config} of Serve, which holds {@link Settings} as JSON. Calls the
   * declared class's {@code reconfigure} only if the declared {@code user_config} changed.
   */
  public synchronized void reconfigure(String settings) {
    if (!failure.isEmpty()) {
      return; // The next health check reports the reason.
    }
    try {
      apply(Settings.parse(settings));
    } catch (Exception | LinkageError e) {
      e.printStackTrace(); // Goes to the worker's log.
      throw Failure.of(ErrorCodes.NOT_READY, "reconfigure: " + Requests.message(e), null);
    }
  }

  private void apply(Settings settings) throws ReflectiveOperationException {
    JsonElement next = settings.userConfig();
    if (deployment != null && next != null && !next.equals(userConfig)) {
      Method reconfigure = deployment.reconfigure;
      if (reconfigure == null) {
        throw new NoSuchMethodException(
            "a user_config is declared, but %s has no public reconfigure method with one parameter"
                .formatted(deployment.object.getClass().getName()));
      }
      invoke(
          deployment.object, reconfigure, convert(next, reconfigure.getGenericParameterTypes()[0]));
      userConfig = next;
    }
    Requests.configure(settings);
  }

  /** Handles one request. */
  public @Nullable Object call(@Nullable Object body) throws Throwable {
    if (deployment == null || !failure.isEmpty()) {
      return Map.of(
          "status",
          "error",
          "code",
          ErrorCodes.NOT_READY,
          "error",
          "deployment: " + failure,
          "timestamp",
          System.currentTimeMillis() / 1_000.0);
    }
    return deployment.call.invokeExact(body);
  }

  /**
   * Returns whether the replica is healthy. A class without {@code checkHealth} is healthy.
   *
   * @throws IllegalStateException if the deployment cannot serve; the message is the reason
   */
  public boolean checkHealth() throws ReflectiveOperationException {
    if (deployment == null || !failure.isEmpty()) {
      throw new IllegalStateException(failure);
    }
    return deployment.checkHealth == null
        || Boolean.TRUE.equals(invoke(deployment.object, deployment.checkHealth));
  }

  /** Calls the declared class's {@code del} when the replica stops. */
  public void del() throws ReflectiveOperationException {
    if (deployment != null && deployment.del != null) {
      invoke(deployment.object, deployment.del);
    }
  }

  private static Class<?> declaredClass(String name) throws ClassNotFoundException {
    try {
      return Class.forName(name, true, ClassLoader.getSystemClassLoader());
    } catch (ClassNotFoundException e) {
      throw new ClassNotFoundException(
          "class %s was not found in the declared jars".formatted(name), e);
    }
  }

  private static Object construct(Class<?> type, JsonArray values)
      throws ReflectiveOperationException {
    List<Constructor<?>> candidates =
        Stream.of(type.getConstructors())
            .filter(candidate -> candidate.getParameterCount() == values.size())
            .toList();
    String mismatch = "";
    for (Constructor<?> candidate : candidates) {
      @Nullable Object[] arguments = new Object[values.size()];
      try {
        Type[] types = candidate.getGenericParameterTypes();
        for (int i = 0; i < arguments.length; i++) {
          arguments[i] = convert(values.get(i), types[i]);
        }
      } catch (JsonParseException | NumberFormatException e) {
        mismatch = " (" + e.getMessage() + ")";
        continue;
      }
      try {
        candidate.setAccessible(true); // The class itself need not be public.
        return candidate.newInstance(arguments);
      } catch (InvocationTargetException e) {
        throw unwrapped(e);
      }
    }
    throw new NoSuchMethodException(
        "%s has no public constructor for the declared arguments %s%s; found %s"
            .formatted(type.getName(), values, mismatch, Arrays.toString(type.getConstructors())));
  }

  /** Converts a JSON value to a type. A {@code String} receives an array or object as JSON text. */
  private static @Nullable Object convert(JsonElement json, Type type) {
    if (type == String.class && (json.isJsonObject() || json.isJsonArray())) {
      return json.toString();
    }
    return JSON.fromJson(json, type);
  }

  private static Optional<Method> method(Class<?> type, String name, int parameters) {
    return Stream.of(type.getMethods())
        .filter(method -> method.getName().equals(name))
        .filter(method -> method.getParameterCount() == parameters)
        // If a non-public superclass declares the method, only a bridge method exists.
        .min(Comparator.comparing(Method::isBridge))
        .map(
            method -> {
              method.setAccessible(true); // The class itself need not be public.
              return method;
            });
  }

  private static @Nullable Object invoke(
      Object object, Method method, @Nullable Object... arguments)
      throws ReflectiveOperationException {
    try {
      return method.invoke(object, arguments);
    } catch (InvocationTargetException e) {
      throw unwrapped(e);
    }
  }

  /** Throws the cause if it is unchecked; otherwise returns the exception itself. */
  private static ReflectiveOperationException unwrapped(InvocationTargetException e) {
    Throwable cause = e.getCause();
    if (cause instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return e;
  }
}
