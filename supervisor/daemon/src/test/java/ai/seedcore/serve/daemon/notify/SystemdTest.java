package ai.seedcore.serve.daemon.notify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.seedcore.serve.daemon.status.Statuses;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With systemd's own program, and a socket in systemd's place. */
class SystemdTest {

  private static final String LISTEN =
      """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(sys.argv[1])
      while True:
          data, fds, _, _ = socket.recv_fds(s, 4096, 4)
          open(sys.argv[2], 'ab').write(data + b'\\n--\\n')
          for fd in fds:
              os.close(fd)
      """;

  @TempDir Path folder;
  private Process listener;

  @AfterEach
  void end() {
    if (listener != null) {
      listener.destroyForcibly();
    }
  }

  @Test
  void whoWasNotStartedBySystemdTellsItNothing() {
    assertThat(Systemd.find(Map.of())).isEmpty();
    assertThat(Systemd.find(Map.of("NOTIFY_SOCKET", ""))).isEmpty();
  }

  @Test
  void readyOnceThenWhatItDoesThatItLivesAndThatItEnds() throws Exception {
    Path heard = listen();
    String usec = String.valueOf(TimeUnit.MILLISECONDS.toMicros(600));
    Systemd systemd = find(Map.of("WATCHDOG_USEC", usec));
    // As the loop does, every now and then.
    await()
        .untilAsserted(
            () -> {
              systemd.publish(Statuses.recovering());
              assertThat(messages(heard).size()).isGreaterThanOrEqualTo(3);
            });
    await()
        .untilAsserted(
            () -> {
              systemd.publish(Statuses.serving());
              assertThat(messages(heard).get(messages(heard).size() - 1))
                  .contains("STATUS=SERVING: ");
            });
    systemd.stopping(Duration.ofSeconds(10));
    await()
        .untilAsserted(
            () ->
                assertThat(text(heard)).endsWith("STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000\n--\n"));
    List<String> all = messages(heard);
    assertThat(all.get(0)).contains("READY=1", "STATUS=RECOVERING: ", "WATCHDOG=1");
    assertThat(text(heard)).containsOnlyOnce("READY=1");
    assertThat(all.subList(0, all.size() - 1)).allMatch(each -> each.contains("WATCHDOG=1"));
  }

  @Test
  void withoutAWatchdogOnlyChangesAreTold() throws Exception {
    Path heard = listen();
    Systemd systemd = find(Map.of("WATCHDOG_USEC", "1000", "WATCHDOG_PID", "1"));
    for (int i = 0; i < 1000; i++) {
      systemd.publish(Statuses.recovering());
    }
    await().until(() -> messages(heard).size() == 1);
    await()
        .untilAsserted(
            () -> {
              systemd.publish(Statuses.serving());
              assertThat(messages(heard)).hasSize(2);
            });
    assertThat(text(heard)).doesNotContain("WATCHDOG");
  }

  private Systemd find(Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(environment);
    all.put("NOTIFY_SOCKET", folder.resolve("notify").toString());
    return Systemd.find(all).orElseThrow();
  }

  private Path listen() throws IOException {
    assumeTrue(onPath("systemd-notify") && onPath("python3"), "no systemd-notify or no python3");
    Path heard = Files.createFile(folder.resolve("heard"));
    Path socket = folder.resolve("notify");
    listener =
        new ProcessBuilder("python3", "-c", LISTEN, socket.toString(), heard.toString())
            .inheritIO()
            .start();
    await().until(() -> Files.exists(socket));
    return heard;
  }

  private static boolean onPath(String program) {
    return Pattern.compile(File.pathSeparator)
        .splitAsStream(System.getenv("PATH"))
        .anyMatch(each -> Files.isExecutable(Path.of(each, program)));
  }

  /** But for the barrier, by which systemd-notify waits until it was heard. */
  private static List<String> messages(Path heard) throws IOException {
    return Pattern.compile("\n--\n")
        .splitAsStream(text(heard))
        .filter(each -> !each.isEmpty())
        .toList();
  }

  private static String text(Path heard) throws IOException {
    return Files.readString(heard).replace("BARRIER=1\n--\n", "");
  }
}
