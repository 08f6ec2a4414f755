package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A user's deployment that does what a request says, and its declaration, which tests change. */
final class Worker {

  static final String URL = RayCluster.ROUTES + "/worker";

  private static final String SOURCE =
      """
      package org.example;

      import java.math.BigDecimal;
      import java.nio.file.Files;
      import java.nio.file.Path;
      import java.nio.file.StandardOpenOption;
      import java.time.Instant;
      import java.util.List;
      import java.util.Map;

      public class Worker {
        private static int running;
        private static int most;
        private final String name;
        private final Path log;
        private String config = "none";
        private boolean well = true;

        public Worker(String name, String log) {
          this.name = name;
          this.log = Path.of(log);
        }

        public void reconfigure(Map<String, String> config) {
          this.config = config.get("say");
        }

        public boolean checkHealth() {
          return well;
        }

        public void del() throws Exception {
          Files.writeString(
              log,
              "del " + ProcessHandle.current().pid() + "\\n",
              StandardOpenOption.CREATE,
              StandardOpenOption.APPEND);
        }

        public Object call(String body) throws Exception {
          synchronized (Worker.class) {
            most = Math.max(most, ++running);
          }
          try {
            return answer(body.split(" "));
          } finally {
            synchronized (Worker.class) {
              running--;
            }
          }
        }

        private Object answer(String[] words) throws Exception {
          switch (words[0]) {
            case "sleep":
              Thread.sleep(Long.parseLong(words[1]));
              return Map.of("most", most, "pid", ProcessHandle.current().pid());
            case "throw":
              throw new IllegalStateException("a secret of the class's");
            case "sicken":
              well = false;
              return "sick";
            case "values":
              return Map.of(
                  "doubles", new double[] {1.5, Double.NaN},
                  "decimal", new BigDecimal("1.10"),
                  "instant", Instant.EPOCH,
                  "record", new Pair("a", 0.1f));
            case "decimal":
              return new BigDecimal("12345678901234567890.123456789");
            case "object":
              return Map.of("list", List.of(1, Map.of("here", new Object())));
            case "nan":
              return Map.of("value", Double.NaN);
            case "bytes":
              return new byte[] {(byte) 0xff, 0, 1};
            default:
              return Map.of(
                  "name", name, "config", config, "pid", ProcessHandle.current().pid(),
                  "jvm", System.getProperty("worker.option", "none"),
                  "file", Files.exists(Path.of("extra.txt")));
          }
        }

        public record Pair(String left, float right) {}
      }
      """;

  private final Path folder;
  private final Path config;
  private final Map<String, String> keys = new LinkedHashMap<>();
  private String declared = "";

  /** Compiled, packed and declared in that folder, with one replica. */
  Worker(Path folder) throws IOException {
    this.folder = folder;
    this.config = folder.resolve("worker.yaml");
    UserJar.make(folder.resolve("worker.jar"), "Worker", SOURCE);
    Files.writeString(folder.resolve("extra.txt"), "a model");
    reset();
    declare();
  }

  /** The file that declares it. */
  Path config() {
    return config;
  }

  /** What {@code del()} has written: a line for each replica that ended in good order. */
  List<String> ended() {
    try {
      Path log = folder.resolve("del.log");
      return Files.exists(log) ? Files.readAllLines(log) : List.of();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Another jar with the same class, and with a second one. */
  void repack() throws IOException {
    String successor =
        """
        class Successor extends Worker {
          public Successor(String name, String log) {
            super(name, log);
          }
        }
        """;
    UserJar.make(folder.resolve("other.jar"), "Worker", SOURCE + successor);
  }

  /** As it was at first. */
  Worker reset() {
    keys.clear();
    with("class", "org.example.Worker");
    with("jars", "[worker.jar]");
    with("route", "/worker");
    with("cpus", "0.1");
    with("replicas", "1");
    with("init_args", "[first, %s]".formatted(folder.resolve("del.log")));
    with("user_config", "{say: one}");
    return this;
  }

  /** With that key; null: without it. */
  Worker with(String key, String value) {
    if (value == null) {
      keys.remove(key);
    } else {
      keys.put(key, value);
    }
    return this;
  }

  /** Writes the file; says whether it is another than before. */
  boolean declare() {
    List<String> lines =
        new ArrayList<>(List.of("builtin: false", "deployments:", "  - name: Worker"));
    keys.forEach((key, value) -> lines.add("    %s: %s".formatted(key, value)));
    String text = String.join("\n", lines) + "\n";
    boolean another = !text.equals(declared);
    declared = text;
    Machine.write(config, text);
    return another;
  }
}
