package ai.seedcore.serve.daemon.driver;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Our own processes, identified by a mark in their environment. All their descendants inherit it,
 * and cannot leave it as they could leave a process group. So this class finds all of them and no
 * others, even after the daemon was killed and restarted.
 */
public final class MarkedProcesses {

  private MarkedProcesses() {}

  /** Returns the processes whose environment contains {@code NAME=value}. */
  public static List<ProcessHandle> processes(String mark) {
    return ProcessHandle.allProcesses()
        .filter(process -> process.pid() != ProcessHandle.current().pid())
        .filter(process -> List.of(read(process, "environ").split("\0", -1)).contains(mark))
        .toList();
  }

  /**
   * Reads a process's file in {@code /proc}; empty if the process is gone, a zombie, or not
   * readable for us.
   */
  public static String read(ProcessHandle process, String file) {
    try {
      return Files.readString(
          Path.of("/proc", Long.toString(process.pid()), file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
