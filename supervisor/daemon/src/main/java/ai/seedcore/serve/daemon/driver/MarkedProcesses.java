package ai.seedcore.serve.daemon.driver;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Processes of ours, known by a mark in their environment. It is inherited by all that they start,
 * and no child can leave it as it can leave a process group; so all of them are found, and nothing
 * else, also after we were killed and started anew.
 */
public final class MarkedProcesses {

  private MarkedProcesses() {}

  /** The processes whose environment holds {@code NAME=value}. */
  public static List<ProcessHandle> processes(String mark) {
    return ProcessHandle.allProcesses()
        .filter(process -> process.pid() != ProcessHandle.current().pid())
        .filter(process -> List.of(read(process, "environ").split("\0", -1)).contains(mark))
        .toList();
  }

  /** A process's file in {@code /proc}; empty where it is gone, a zombie, or not ours to read. */
  public static String read(ProcessHandle process, String file) {
    try {
      return Files.readString(
          Path.of("/proc", Long.toString(process.pid()), file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
