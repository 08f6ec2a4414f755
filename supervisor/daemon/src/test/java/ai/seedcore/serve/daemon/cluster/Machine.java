package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Processes of this machine, by what they carry in their environment or command line. */
final class Machine {

  private Machine() {}

  /** The living processes whose environment holds {@code NAME=value}. */
  static List<ProcessHandle> marked(String mark) {
    return ProcessHandle.allProcesses()
        .filter(process -> process.pid() != ProcessHandle.current().pid())
        .filter(process -> List.of(read(process.pid(), "environ").split("\0", -1)).contains(mark))
        .filter(process -> !read(process.pid(), "cmdline").isEmpty()) // Zombies have none.
        .toList();
  }

  static String commandLine(ProcessHandle process) {
    return read(process.pid(), "cmdline").replace('\0', ' ');
  }

  static String environment(ProcessHandle process) {
    return read(process.pid(), "environ").replace('\0', '\n');
  }

  /** The files that a process has open. */
  static Stream<Path> openFiles(long pid) throws IOException {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return descriptors.map(Machine::target).toList().stream();
    }
  }

  private static Path target(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      return link; // Closed meanwhile.
    }
  }

  /** A new folder. */
  static Path temporaryFolder() {
    try {
      return Files.createTempDirectory("seedcore-test");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Writes a file anew. */
  static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Ends a test's daemon and cluster as far as they exist: its start may have failed. */
  static void close(@Nullable DaemonProcess daemon, @Nullable RayCluster cluster) {
    if (daemon != null) {
      daemon.close();
    }
    if (cluster != null) {
      cluster.close();
    }
  }

  /**
   * Removes a folder and all in it; a driver whose daemon was killed may write there a little on.
   */
  static void delete(Path folder) {
    await("nobody writes to " + folder + " any more")
        .atMost(Duration.ofSeconds(10))
        // One filter: a second one would take the place of the first.
        .ignoreExceptionsMatching(
            e -> e instanceof IOException || e instanceof UncheckedIOException)
        .until(
            () -> {
              try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                  Files.delete(file);
                }
              }
              return true;
            });
  }

  /** Lets time pass. */
  static void pass(Duration time) {
    long start = System.nanoTime();
    await()
        .atMost(time.plusSeconds(5))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> System.nanoTime() - start >= time.toNanos());
  }

  /** Sends a signal by name. */
  static void signal(String signal, long pid) {
    assertThat(pid).as("a process to send %s to", signal).isGreaterThan(1); // 0 is our own group.
    try {
      int code = new ProcessBuilder("/bin/kill", "-" + signal, "" + pid).start().waitFor();
      if (code != 0) {
        throw new IllegalStateException("kill -%s %d: exit code %d".formatted(signal, pid, code));
      }
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a command; returns what it printed. */
  static String run(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IllegalStateException("%s: %s".formatted(List.of(command), text));
      }
      return text;
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** How many entries a folder has. */
  static int count(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return (int) entries.count();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The dead children of a process that it has not reaped. */
  static long zombies(long parent) {
    return ProcessHandle.of(parent).stream()
        .flatMap(ProcessHandle::children)
        .filter(child -> read(child.pid(), "stat").matches("(?s)\\d+ \\(.*\\) Z .*"))
        .count();
  }

  /** The command line of a process, word by word. */
  static List<String> arguments(ProcessHandle process) {
    return List.of(read(process.pid(), "cmdline").split("\0"));
  }

  /** Resident memory of a process, in MiB. */
  static double residentMiB(long pid) {
    return read(pid, "status")
        .lines()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElse(0);
  }

  /** CPU seconds that a process has used. */
  static double cpuSeconds(long pid) {
    String[] stat = read(pid, "stat").replaceFirst(".*\\) ", "").split(" ", -1);
    return (Long.parseLong(stat[11]) + Long.parseLong(stat[12])) / 100.0;
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(
          Path.of("/proc", Long.toString(pid), file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
