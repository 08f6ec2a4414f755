package ai.seedcore.serve.bench.http;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The load generator wrk with one thread: each connection sends its next request after a response.
 * Its latencies are corrected for coordinated omission.
 *
 * @param program the command
 * @param folder where its scripts are written
 */
record Wrk(Path program, Path folder) {

  /**
   * The result of a run.
   *
   * @param perSecond requests per second
   * @param p50 the median latency, in milliseconds
   * @param p99 the 99th percentile of the latency, in milliseconds
   */
  record Result(double perSecond, double p50, double p99) {

    /** Returns the medians of several runs. */
    static Result median(List<Result> runs) {
      return new Result(
          median(runs, Result::perSecond), median(runs, Result::p50), median(runs, Result::p99));
    }

    private static double median(List<Result> runs, ToDoubleFunction<Result> value) {
      return runs.stream()
          .mapToDouble(value)
          .sorted()
          .skip(runs.size() / 2)
          .findFirst()
          .orElseThrow();
    }
  }

  /**
   * Sends requests for a while, in several runs.
   *
   * @throws IllegalStateException if a request fails
   */
  Result run(URI url, String body, int connections, int seconds, int runs)
      throws IOException, InterruptedException {
    Path script = folder.resolve("post.lua");
    Files.writeString(
        script,
        """
        wrk.method = "POST"
        wrk.body = '%s'
        wrk.headers["Content-Type"] = "application/json"
        """
            .formatted(body));
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < runs; i++) {
      results.add(once(script, url, connections, seconds));
    }
    return Result.median(results);
  }

  private Result once(Path script, URI url, int connections, int seconds)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                program.toString(),
                "-t1",
                "-c" + connections,
                "-d" + seconds + "s",
                "--timeout=20s",
                "--latency",
                "-s",
                script.toString(),
                url.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0 || said.contains("Non-2xx") || said.contains("Socket errors")) {
      throw new IllegalStateException(url + ": " + said);
    }
    return new Result(
        number(said, "Requests/sec: +([0-9.]+)()"),
        number(said, "50% +([0-9.]+)(us|ms|s)"),
        number(said, "99% +([0-9.]+)(us|ms|s)"));
  }

  private static double number(String text, String pattern) {
    Matcher found = Pattern.compile(pattern).matcher(text);
    if (!found.find()) {
      throw new IllegalStateException("found no %s in: %s".formatted(pattern, text));
    }
    double value = Double.parseDouble(found.group(1));
    return switch (found.group(2)) {
      case "us" -> value / 1_000;
      case "s" -> value * 1_000;
      default -> value;
    };
  }
}
