package ai.seedcore.serve.agent;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;

/**
 * Adds the deployment's variables to what {@code System.getenv} returns. Ray's own way, its runtime
 * environment, would show their values on the dashboard and in its logs. Native code and child
 * processes do not see them.
 */
final class Environment {

  private Environment() {}

  /**
   * Adds the variables of a file in the form of {@code /proc/PID/environ}, if it exists.
   *
   * @throws IOException if they cannot be read or added
   */
  static void add(Path file) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    // Ray unpacks files for everyone to read.
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    try {
      Class<?> environment = Class.forName("java.lang.ProcessEnvironment");
      // What System.getenv reads is a view of a map; child processes get a copy of that map. So the
      // view gets a map of its own.
      Object view = field(environment, "theUnmodifiableEnvironment").get(null);
      Object strings = field(Class.forName("java.util.Collections$UnmodifiableMap"), "m").get(view);
      Field inner = field(strings.getClass(), "m");
      @SuppressWarnings("unchecked") // Its types are private.
      Map<Object, Object> all = new HashMap<>((Map<Object, Object>) inner.get(strings));
      Method name = valueOf("java.lang.ProcessEnvironment$Variable");
      Method value = valueOf("java.lang.ProcessEnvironment$Value");
      for (String each : Files.readString(file, StandardCharsets.UTF_8).split("\0", -1)) {
        int end = each.indexOf('=');
        if (end > 0) {
          all.put(
              name.invoke(null, each.substring(0, end)),
              value.invoke(null, each.substring(end + 1)));
        }
      }
      inner.set(strings, all);
    } catch (ReflectiveOperationException e) {
      throw new IOException("this JVM's environment cannot be changed", e);
    }
  }

  private static Field field(Class<?> type, String name) throws ReflectiveOperationException {
    Field field = type.getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  private static Method valueOf(String type) throws ReflectiveOperationException {
    Method method = Class.forName(type).getDeclaredMethod("valueOf", String.class);
    method.setAccessible(true);
    return method;
  }
}
