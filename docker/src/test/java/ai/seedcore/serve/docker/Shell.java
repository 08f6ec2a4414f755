package ai.seedcore.serve.docker;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs commands in the root directory of the repository. */
final class Shell {

  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private Shell() {}

  /**
   * The result of a command.
   *
   * @param code the exit code
   * @param output the standard output and error
   */
  record Result(int code, String output) {

    /** Returns the output, or fails the test if the exit code is not 0. */
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

  /** Runs a command with a time limit of ten minutes. */
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
        throw new AssertionError(String.join(" ", command) + " timed out");
      }
      return new Result(process.exitValue(), output.join());
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a line of bash after sourcing docker/lib.sh and finding the engine. */
  static Result library(Map<String, String> variables, String line) {
    return run(
        variables, "bash", "-euo", "pipefail", "-c", ". docker/lib.sh; find_engine; " + line);
  }

  /** Returns the container engine. Skips the test if there is none. */
  static String engine() {
    Result found = library(Map.of(), "echo \"$ENGINE\"");
    assumeTrue(found.code() == 0, () -> "skipped: no container engine: " + found.output());
    return found.output().strip();
  }

  /** Runs a script in docker/. */
  static Result script(String name, String... arguments) {
    String[] command = new String[arguments.length + 1];
    command[0] = "./docker/" + name;
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return run(command);
  }
}
