package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;

/**
 * The cluster of the Compose files, with variables in docker/.env, which is restored afterwards.
 */
abstract class ComposeFixture {

  static final String HEAD = "seedcore-ray-head";
  static final String SERVE = "seedcore-serve";
  static final String NETWORK = "seedcore-network";
  static final String IMAGE = "localhost/seedcore/ray:0.1.0";

  private static final Path VARIABLES = Shell.ROOT.resolve("docker/.env");

  static String engine = "";
  private static String before = "";

  /** Finds the engine, and stops what runs. Skips the test if there is no engine. */
  static void begin(String variables) throws IOException {
    engine = Shell.engine();
    Shell.script("start-cluster.sh", "down").orFail();
    before = Files.exists(VARIABLES) ? Files.readString(VARIABLES) : "";
    set(variables);
  }

  /** Adds lines to docker/.env, instead of those that were added before. */
  static void set(String variables) throws IOException {
    Files.writeString(VARIABLES, before + variables);
  }

  @AfterAll
  static void down() throws IOException {
    if (!engine.isEmpty()) {
      Shell.script("start-cluster.sh", "down").orFail();
      Files.writeString(VARIABLES, before);
      engine = "";
    }
  }

  /**
   * Recreates the head with another address, while another container has the one that it had.
   *
   * @param workers how many workers there are
   * @param recreated receives the time in nanoseconds at which the head began to start
   */
  static void moveHead(String workers, LongConsumer recreated) {
    String taken = headAddress();
    engine("rm", "-f", HEAD);
    engine(
        "run",
        "-d",
        "--name",
        "seedcore-squatter",
        "--network",
        NETWORK,
        "--ip",
        taken,
        IMAGE,
        "sleep",
        "600");
    try {
      long start = System.nanoTime();
      Shell.script("start-cluster.sh", "up", workers).orFail();
      assertThat(headAddress()).isNotEqualTo(taken);
      recreated.accept(start);
    } finally {
      engine("rm", "-f", "seedcore-squatter");
    }
  }

  static void figure(String what, long since) {
    System.out.printf(Locale.ROOT, "FIGURE %s: %.1f s%n", what, (System.nanoTime() - since) / 1e9);
  }

  /** Returns the daemon's status as JSON; empty if it does not answer. */
  static String status() {
    Shell.Result told =
        Shell.run(
            engine,
            "exec",
            SERVE,
            "sh",
            "-c",
            "curl -s -m 4 -H \"Authorization: Bearer $SEEDCORE_STATUS_TOKEN\" localhost:8090/status");
    return told.code() == 0 ? told.output() : "{}";
  }

  static String headAddress() {
    return engine(
        "inspect",
        "-f",
        "{{(index .NetworkSettings.Networks \"%s\").IPAddress}}".formatted(NETWORK),
        HEAD);
  }

  static String inHead(String script) {
    return engine("exec", HEAD, "sh", "-c", script);
  }

  /** Runs a command of the container engine. Fails the test if it fails. */
  static String engine(String... arguments) {
    return Shell.run(Stream.concat(Stream.of(engine), Stream.of(arguments)).toArray(String[]::new))
        .orFail();
  }
}
