package ai.seedcore.serve.agent;

import ai.seedcore.serve.agent.inference.OpenInference;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.TensorModel;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The class that Serve instantiates in a replica. It holds an instance of the declared class and
 * delegates calls to it.
 *
 * <p>Ray converts constructor arguments without regard to the parameter types: integers arrive as
 * {@code Byte}, and maps fail. This class receives the declared arguments as JSON and converts them
 * to the parameter types of the constructor. The declared class needs no Ray import. It has a
 * public {@code call} method with one parameter, which receives the body or a {@link Request}, and,
 * optionally, {@code checkHealth()}, {@code reconfigure} with one parameter, and {@code del()}. If
 * it is a {@link TensorModel}, clients of the Open Inference Protocol reach it, too.
 *
 * <p>If the declared class cannot be instantiated, the replica is unhealthy. The patched Serve
 * treats that as a failed start (see java_support.py). A Serve that was started without the patch
 * routes requests to the replica anyway; each of them is answered with the reason.
 */
public final class Host {

  private static final Gson JSON = new Gson();

  /** The longest stream that is collected, in bytes. */
  private static final int MAX_COLLECTED = 64 << 20;

  /** What stands for bytes that are not UTF-8, among other things. */
  private static final char REPLACEMENT = '\ufffd';

  private final @Nullable Deployment deployment;

  /** The reason why the deployment cannot serve; empty if it can. */
  private final String failure;

  /** The {@code user_config} that was applied last; null if there was none. */
  private @Nullable JsonElement userConfig;

  /** An instance of the declared class and its methods. */
  private record Deployment(
      Object object,
      MethodHandle call,
      boolean takesRequest,
      @Nullable TensorModel tensors,
      @Nullable Method isQuick,
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
        method(type, "call", Request.class)
            .or(() -> method(type, "call", 1))
            .orElseThrow(
                () ->
                    new NoSuchMethodException(
                        className + " has no public method call(Object): nothing to serve"));
    Class<?> parameter = call.getParameterTypes()[0];
    boolean takesRequest = parameter == Request.class;
    if (!takesRequest && !parameter.isAssignableFrom(String.class)) {
      throw new NoSuchMethodException(
          "%s.call takes a %s; expected call(Object) or call(String), which receive the body, or call(%s)"
              .formatted(className, parameter.getName(), Request.class.getName()));
    }
    return new Deployment(
        object,
        MethodHandles.lookup()
            .unreflect(call)
            .bindTo(object)
            .asType(MethodType.methodType(Object.class, Object.class)),
        takesRequest,
        object instanceof TensorModel model ? model : null,
        method(type, "isQuick", Request.class).orElse(null),
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

  /** Handles one request that arrives through Ray. */
  public @Nullable Object call(@Nullable Object body) throws Throwable {
    if (deployment == null || !failure.isEmpty()) {
      return error(ErrorCodes.NOT_READY, "deployment: " + failure);
    }
    String head = Requests.head();
    Request request =
        deployment.takesRequest || RequestHead.contains(head, OpenInference.FIELD)
            ? RequestHead.request(head, body)
            : null;
    if (request != null && isInference(request)) {
      return OpenInference.respond(request, path(request), deployment.tensors);
    }
    Object input = deployment.takesRequest ? request : body;
    Object result = (Object) deployment.call.invokeExact(input);
    return result instanceof Response response ? collected(response) : result;
  }

  /** Returns a response whose stream is collected: Ray passes no streams of Java replicas. */
  private static Response collected(Response response) throws IOException, InterruptedException {
    if (!(response.body() instanceof Response.Stream stream)) {
      return response;
    }
    ByteArrayOutputStream whole =
        new ByteArrayOutputStream() {
          @Override
          public synchronized void write(byte[] bytes, int from, int length) {
            require(length);
            super.write(bytes, from, length);
          }

          @Override
          public synchronized void write(int single) {
            require(1);
            super.write(single);
          }

          private void require(long more) {
            if (size() + more > MAX_COLLECTED) {
              throw new IllegalStateException(
                  "a stream of more than %d bytes is available through the front door only"
                      .formatted(MAX_COLLECTED));
            }
          }
        };
    stream.writeTo(whole);
    return response.withBody(whole.toByteArray());
  }

  /**
   * Returns whether the declared class handles a request within microseconds and without blocking,
   * as it says in {@code isQuick(Request)}. An inference is none of its own requests.
   */
  public boolean isQuick(Request request) throws ReflectiveOperationException {
    return deployment != null
        && deployment.isQuick != null
        && !isInference(request)
        && failure.isEmpty()
        && Boolean.TRUE.equals(invoke(deployment.object, deployment.isQuick, request));
  }

  /** Handles one request that arrives on the direct path. */
  public @Nullable Object handle(Request request) throws Throwable {
    if (deployment == null || !failure.isEmpty()) {
      return Response.of(503, error(ErrorCodes.NOT_READY, "deployment: " + failure));
    } else if (isInference(request)) {
      return OpenInference.respond(request, path(request), deployment.tensors);
    } else if (deployment.takesRequest) {
      return (Object) deployment.call.invokeExact((Object) request);
    }
    byte[] body = request.body();
    String query = request.query();
    if (body.length == 0 && !query.isEmpty()) { // What Serve's proxy makes of a query.
      int value = query.indexOf('=');
      return value < 0
          ? Response.of(
              400,
              error(
                  ErrorCodes.INVALID_FIELD,
                  "query: found '%s', expected NAME=VALUE, or a body".formatted(query)))
          : (Object) deployment.call.invokeExact((Object) query.substring(value + 1));
    }
    String text = new String(body, StandardCharsets.UTF_8);
    if (text.indexOf(REPLACEMENT) >= 0 && !isUtf8(body)) {
      return Response.of(
          400,
          error(
              ErrorCodes.INVALID_JSON,
              "body: found bytes that are not UTF-8, expected UTF-8 text"));
    }
    return (Object) deployment.call.invokeExact((Object) text);
  }

  private static boolean isInference(Request request) {
    return request.headers().containsKey(OpenInference.FIELD);
  }

  /** Returns what an inference's path has after {@code /v2/models/}. */
  private static String path(Request request) {
    return request.header(OpenInference.FIELD).orElse("");
  }

  private static boolean isUtf8(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static Map<String, Object> error(String code, String error) {
    return Map.of(
        "status",
        "error",
        "code",
        code,
        "error",
        error,
        "timestamp",
        System.currentTimeMillis() / 1_000.0);
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
    return method(type, name, method -> method.getParameterCount() == parameters);
  }

  private static Optional<Method> method(Class<?> type, String name, Class<?> parameter) {
    return method(
        type,
        name,
        method -> Arrays.equals(method.getParameterTypes(), new Class<?>[] {parameter}));
  }

  private static Optional<Method> method(Class<?> type, String name, Predicate<Method> wanted) {
    return Stream.of(type.getMethods())
        .filter(method -> method.getName().equals(name))
        .filter(wanted)
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
