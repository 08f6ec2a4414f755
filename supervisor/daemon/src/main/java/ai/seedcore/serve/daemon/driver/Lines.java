package ai.seedcore.serve.daemon.driver;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Reads the lines of a child that may print anything, even gigabytes without a line end. */
final class Lines {

  /** The maximum length of a line; longer lines are cut. A reply has a few hundred characters. */
  static final int LIMIT = 1 << 16;

  private Lines() {}

  /** Passes on each line until the end of the stream. */
  static void read(InputStream stream, Consumer<String> take) throws IOException {
    try (Reader reader =
        new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      StringBuilder line = new StringBuilder();
      for (int next = reader.read(); next >= 0; next = reader.read()) {
        if (next == '\n') {
          take.accept(line.toString());
          line.setLength(0);
          line.trimToSize();
        } else if (line.length() < LIMIT) {
          line.append((char) next);
        }
      }
      if (!line.isEmpty()) {
        take.accept(line.toString());
      }
    }
  }
}
