package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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
