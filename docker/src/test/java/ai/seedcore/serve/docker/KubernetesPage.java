package ai.seedcore.serve.docker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The section of docs/faults.md about Kubernetes. */
final class KubernetesPage {

  private static final String SECTION = "\n## Kubernetes\n";
  private static final String NEXT = "\n<!-- From here on written by";

  private KubernetesPage() {}

  /** Writes a row, in place of an earlier one of the same fault, if a page is to be written. */
  static void put(String overlay, String fault, String serving, String failed, String worst) {
    String page = System.getProperty("seedcore.page", "");
    if (page.isEmpty()) {
      return;
    }
    try {
      Path file = Shell.ROOT.resolve(page);
      Files.writeString(file, put(Files.readString(file), overlay, fault, serving, failed, worst));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String put(
      String text, String overlay, String fault, String serving, String failed, String worst) {
    int begin = text.indexOf(SECTION);
    int end = text.indexOf(NEXT, begin);
    if (begin < 0 || end < 0) {
      throw new IllegalStateException("no section on Kubernetes");
    }
    String section = text.substring(begin, end).stripTrailing();
    String key = "| `%s` | %s |".formatted(overlay, fault);
    String line = key + " %s | %s | %s |".formatted(serving, failed, worst);
    int old = section.indexOf(key);
    if (old >= 0) {
      int after = section.indexOf('\n', old);
      section = section.substring(0, old) + line + (after < 0 ? "" : section.substring(after));
    } else {
      int last = section.lastIndexOf("\n| `" + overlay + "` |");
      int at = last < 0 ? section.length() : section.indexOf('\n', last + 1);
      at = at < 0 ? section.length() : at;
      section = section.substring(0, at) + "\n" + line + section.substring(at);
    }
    return text.substring(0, begin) + section + "\n" + text.substring(end);
  }
}
