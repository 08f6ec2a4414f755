package ai.seedcore.serve.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs commands from the root of the repository, as a user does. */
final class Shell {

  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private Shell() {}

  /**
   * How a command ended.
   *
   * @param output what it wrote, both streams
   */
  record Result(int code, String output) {

    /** What it wrote, of a command that must not fail. */
    String orFail() {
      if (code != 0) {
        throw new AssertionError("exit code %d: %s".formatted(code, output));
      }
      return output.strip();
    }
  }

  static Result run(String... command) {
    return run(Map.of(), command);
  }

  /** Runs a command, ten minutes at most. */
  static Result run(Map<String, String> variables, String... command) {
    try {
      ProcessBuilder builder = new ProcessBuilder(List.of(command));
      builder.directory(ROOT.toFile()).redirectErrorStream(true);
      builder.environment().putAll(variables);
      Process process = builder.start();
      process.getOutputStream().close();
      CompletableFuture<String> output =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return new String(
                      process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                } catch (IOException e) {
                  return e.toString();
                }
              });
      if (!process.waitFor(10, TimeUnit.MINUTES)) {
        process.destroyForcibly();
        throw new AssertionError(String.join(" ", command) + " does not come to an end");
      }
      return new Result(process.exitValue(), output.join());
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a line of bash with what docker/lib.sh defines, and the engine found. */
  static Result library(Map<String, String> variables, String line) {
    return run(
        variables, "bash", "-euo", "pipefail", "-c", ". docker/lib.sh; find_engine; " + line);
  }

  /** The container engine; where there is none, the test that asks is passed over. */
  static String engine() {
    Result found = library(Map.of(), "echo \"$ENGINE\"");
    assumeTrue(found.code() == 0, () -> "passed over, as here is no engine: " + found.output());
    return found.output().strip();
  }

  /** Runs a script of docker/. */
  static Result script(String name, String... arguments) {
    String[] command = new String[arguments.length + 1];
    command[0] = "./docker/" + name;
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return run(command);
  }
}
