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
 * The class that Serve makes a replica of: holds the declared class and hands calls on to it.
 *
 * <p>Ray's own way to a constructor is blind: whole numbers arrive as {@code Byte}, maps not at
 * all. Here the declared arguments arrive as JSON and are given the types that the constructor
 * declares. The declared class needs no import of Ray's: a public {@code call} of one parameter,
 * and, where it likes, {@code checkHealth}, {@code reconfigure} of one parameter, and {@code del}.
 *
 * <p>A class that cannot be made is not well, which the completed Serve takes for a failed start
 * (java_support.py). A Serve that somebody else started takes it for a running one, and sends it
 * requests: each is told why it is not served.
 */
public final class Host {

  private static final Gson JSON = new Gson();

  private final @Nullable Deployment deployment;

  /** Why there is none. */
  private final String failure;

  /** What the class was configured with last; null: with nothing. */
  private @Nullable JsonElement userConfig;

  /** What was made of the declared class. */
  private record Deployment(
      Object object,
      MethodHandle call,
      @Nullable Method reconfigure,
      @Nullable Method checkHealth,
      @Nullable Method del) {}

  /**
   * Makes the deployment.
   *
   * @param className the declared class
   * @param arguments its constructor's arguments, a JSON array
   * @param settings what else would come by {@link #reconfigure}; empty: it does
   */
  public Host(String className, String arguments, String settings) {
    Deployment made = null;
    String reason = "";
    try {
      made = make(className, arguments);
    } catch (Exception | LinkageError e) {
      e.printStackTrace(); // Goes to the worker's log.
      reason = Requests.message(e);
    }
    deployment = made;
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

  private static Deployment make(String className, String arguments)
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
          "%s.call takes a %s; a request's body is a text: expected call(Object) or call(String)"
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
   * Serve's {@code user_config} came or changed, as {@link Settings} in JSON. The class is told
   * where its own part did.
   */
  public synchronized void reconfigure(String settings) {
    if (!failure.isEmpty()) {
      return; // The health check that follows says why.
    }
    try {
      apply(Settings.parse(settings));
    } catch (Exception | LinkageError e) {
      e.printStackTrace(); // Goes to the worker's log.
      throw Failure.of("not_ready", "reconfigure: " + Requests.message(e), null);
    }
  }

  private void apply(Settings settings) throws ReflectiveOperationException {
    JsonElement next = settings.userConfig();
    if (deployment != null && next != null && !next.equals(userConfig)) {
      Method reconfigure = deployment.reconfigure;
      if (reconfigure == null) {
        throw new NoSuchMethodException(
            "a user_config is declared, but %s has no public method reconfigure of one parameter"
                .formatted(deployment.object.getClass().getName()));
      }
      invoke(
          deployment.object, reconfigure, convert(next, reconfigure.getGenericParameterTypes()[0]));
      userConfig = next;
    }
    Requests.configure(settings);
  }

  /** A request. */
  public @Nullable Object call(@Nullable Object body) throws Throwable {
    if (deployment == null || !failure.isEmpty()) {
      return Map.of(
          "status",
          "error",
          "code",
          "not_ready",
          "error",
          "deployment: " + failure,
          "timestamp",
          System.currentTimeMillis() / 1_000.0);
    }
    return deployment.call.invokeExact(body);
  }

  /**
   * Whether the replica is well; a class that does not say is.
   *
   * @throws IllegalStateException if there is nothing to serve; the message says why
   */
  public boolean checkHealth() throws ReflectiveOperationException {
    if (deployment == null || !failure.isEmpty()) {
      throw new IllegalStateException(failure);
    }
    return deployment.checkHealth == null
        || Boolean.TRUE.equals(invoke(deployment.object, deployment.checkHealth));
  }

  /** The replica's end. */
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
          "class %s is in none of the declared jars".formatted(name), e);
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
        "%s has no public constructor for the declared arguments %s%s: it has %s"
            .formatted(type.getName(), values, mismatch, Arrays.toString(type.getConstructors())));
  }

  /** A list or an object for a {@code String} stays the JSON that it is. */
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
        // A bridge is all that there is where a superclass that is not public has the method.
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

  /** What the deployment threw, without the reflection around it, as far as it is unchecked. */
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
