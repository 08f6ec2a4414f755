package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs every command that README.md, CONTRIBUTING.md and docs/ show, exactly as printed, from top
 * to bottom of each page. A command that runs the daemon goes on in the background, until the next
 * such, or the page's end. A block that is not run says why in a comment before it ({@code <!-- not
 * run: ... -->}); one that wants a daemon which the page does not start says how ({@code <!--
 * needs: ... -->}).
 */
@Tag("cluster")
class DocsIT {

  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
  private static final String MARK = "SEEDCORE_TEST_DOCS";
  private static final String READY = "http://127.0.0.1:8090/readyz";

  private static final Pattern BLOCK =
      Pattern.compile("(?ms)(?:^<!-- ([^\\n]*) -->\\n)?^```(\\w*)\\n(.*?)^```$");

  /** A command that runs the daemon, for ever. */
  private static final Pattern RUNS =
      Pattern.compile("(?m)^(\\./seedcore|java .*-jar \\S+) run .*$");

  private final Web web = new Web();
  private final String mark = UUID.randomUUID().toString();
  private final Path folder = Machine.temporaryFolder();
  private @Nullable Process daemon;

  static Stream<Path> pages() throws IOException {
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      List<Path> pages =
          new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
      docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      return pages.stream();
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyCommandRunsAsPrinted(Path page) throws Exception {
    prepare();
    try {
      Matcher blocks = BLOCK.matcher(Files.readString(page));
      while (blocks.find()) {
        String comment = blocks.group(1) == null ? "" : blocks.group(1);
        if (comment.startsWith("not run")) {
          assertThat(comment).as("a reason").matches("not run( here)?: .{5,}");
          continue;
        }
        if (comment.startsWith("needs: ")) {
          script(page, comment.substring("needs: ".length()) + "\n");
        }
        block(page, blocks.group(2), blocks.group(3));
      }
    } finally {
      end();
      Machine.marked(MARK + "=" + mark).forEach(ProcessHandle::destroyForcibly);
      await().until(() -> Machine.marked(MARK + "=" + mark).isEmpty());
      Machine.delete(folder);
    }
  }

  private void block(Path page, String language, String text) throws Exception {
    switch (language) {
      case "" -> script(page, text);
      case "java" -> {
        Matcher name = Pattern.compile("class (\\w+)").matcher(text);
        assertThat(name.find()).isTrue();
        Files.writeString(folder.resolve(name.group(1) + ".java"), text);
      }
      case "yaml", "python" -> {
        Matcher name = Pattern.compile("\\A# (\\S+\\.(yaml|py))\n").matcher(text);
        assertThat(name.find()).as("a file's name in %s: %s", page, text).isTrue();
        Path file = folder.resolve(name.group(1));
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
      }
      default -> throw new AssertionError("a block of an unknown kind: " + language);
    }
  }

  /** Runs commands; one that runs the daemon comes last, and is awaited until all is served. */
  private void script(Path page, String text) throws Exception {
    Matcher runs = RUNS.matcher(text);
    String before = text;
    if (runs.find()) {
      end();
      before = text.substring(0, runs.start());
      assertThat(text.substring(runs.end())).as("behind what runs for ever").isBlank();
    }
    if (!before.isBlank()) {
      String output = run(before);
      System.out.println("TABLE " + ROOT.relativize(page) + ": " + before.strip());
      assertThat(output).doesNotContain("DEBUG", "Exception");
    }
    if (before.length() < text.length()) {
      Path log = Files.createDirectories(Path.of("target", "daemon-logs")).resolve("docs.log");
      daemon = builder("exec " + runs.group()).redirectOutput(log.toFile()).start();
      await("%s; the log is %s".formatted(runs.group(), log))
          .atMost(Duration.ofMinutes(3))
          .pollInterval(Duration.ofMillis(200))
          .until(() -> web.status(READY) == 200);
      System.out.println("TABLE " + ROOT.relativize(page) + ": " + runs.group().strip());
    }
  }

  private String run(String commands) throws Exception {
    Path output = Files.createTempFile(folder, "output", ".log");
    Process process = builder(commands).redirectOutput(output.toFile()).start();
    boolean ended = process.waitFor(3, TimeUnit.MINUTES);
    String text = Files.readString(output);
    assertThat(ended).as("ended: %s\n%s", commands, text).isTrue();
    assertThat(process.exitValue()).as("%s\n%s", commands, text).isZero();
    return text;
  }

  private ProcessBuilder builder(String commands) {
    ProcessBuilder builder =
        new ProcessBuilder(
                "env", "--default-signal=INT", "bash", "-e", "-o", "pipefail", "-c", commands)
            .directory(folder.toFile())
            .redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("SEEDCORE_"));
    builder.environment().keySet().removeAll(List.of("RAY_ADDRESS"));
    builder.environment().put(MARK, mark);
    builder.environment().put("SEEDCORE_RAY", RayCluster.ray("ray"));
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    builder.environment().put("CURL_HOME", folder.toString());
    builder
        .environment()
        .merge(
            "PATH",
            Path.of(RayCluster.ray("ray")).getParent().toString(),
            (path, ray) -> ray + ":" + path);
    return builder;
  }

  /** A checkout, with what a release and a user have beside it. */
  private void prepare() throws IOException {
    try (Stream<Path> entries = Files.list(ROOT)) {
      for (Path entry : entries.filter(e -> !e.getFileName().toString().equals(".git")).toList()) {
        Files.createSymbolicLink(folder.resolve(entry.getFileName()), entry);
      }
    }
    Files.createSymbolicLink(
        folder.resolve("seedcore-serve.jar"), Path.of(System.getProperty("seedcore.jar")));
    Files.writeString(folder.resolve(".curlrc"), "fail\nsilent\nshow-error\n");
  }

  /** Ends the daemon that runs, as Ctrl-C would. */
  private void end() throws Exception {
    if (daemon != null) {
      Machine.signal("INT", daemon.pid());
      assertThat(daemon.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(daemon.exitValue()).isEqualTo(130);
      daemon = null;
    }
  }
}
