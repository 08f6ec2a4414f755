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
import java.util.List;
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
 */
public final class Host {

  private static final Gson JSON = new Gson();

  private final Object deployment;
  private final MethodHandle call;
  private final @Nullable Method checkHealth;
  private final @Nullable Method del;

  /**
   * Makes the deployment.
   *
   * @param className the declared class
   * @param arguments its constructor's arguments, a JSON array
   * @param userConfig handed to its {@code reconfigure}, as JSON; empty: none
   */
  public Host(String className, String arguments, String userConfig)
      throws ReflectiveOperationException {
    Class<?> type = declaredClass(className);
    JsonArray values = JsonParser.parseString(arguments).getAsJsonArray();
    deployment = construct(type, values);
    Method method =
        method(type, "call", 1)
            .orElseThrow(
                () ->
                    new NoSuchMethodException(
                        className + " has no public method call(Object): nothing to serve"));
    Class<?> parameter = method.getParameterTypes()[0];
    if (!parameter.isAssignableFrom(String.class)) {
      throw new NoSuchMethodException(
          "%s.call takes a %s; a request's body is a text: expected call(Object) or call(String)"
              .formatted(className, parameter.getName()));
    }
    method.setAccessible(true); // The class itself need not be public.
    call =
        MethodHandles.lookup()
            .unreflect(method)
            .bindTo(deployment)
            .asType(MethodType.methodType(Object.class, Object.class));
    checkHealth = method(type, "checkHealth", 0).orElse(null);
    del = method(type, "del", 0).orElse(null);
    if (!userConfig.isEmpty()) {
      Method reconfigure =
          method(type, "reconfigure", 1)
              .orElseThrow(
                  () ->
                      new NoSuchMethodException(
                          "a user_config is declared, but %s has no public method reconfigure of one"
                                  .formatted(className)
                              + " parameter"));
      JsonElement json = JsonParser.parseString(userConfig);
      invoke(reconfigure, convert(json, reconfigure.getGenericParameterTypes()[0]));
    }
  }

  /** A request. */
  public @Nullable Object call(@Nullable Object body) throws Throwable {
    return call.invokeExact(body);
  }

  /** Whether the replica is well; a class that does not say is. */
  public boolean checkHealth() throws ReflectiveOperationException {
    return checkHealth == null || Boolean.TRUE.equals(invoke(checkHealth));
  }

  /** The replica's end. */
  public void del() throws ReflectiveOperationException {
    if (del != null) {
      invoke(del);
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
        .filter(method -> method.getParameterCount() == parameters && !method.isBridge())
        .findFirst();
  }

  private @Nullable Object invoke(Method method, @Nullable Object... arguments)
      throws ReflectiveOperationException {
    try {
      method.setAccessible(true);
      return method.invoke(deployment, arguments);
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
