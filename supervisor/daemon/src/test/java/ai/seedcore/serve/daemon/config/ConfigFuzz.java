package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.base.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Any file as a configuration: it is accepted, or refused with a message. */
public final class ConfigFuzz {

  private static Path file;

  private ConfigFuzz() {}

  /** One input. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    if (file == null) {
      file = Files.createTempFile("fuzz", ".yaml");
      file.toFile().deleteOnExit();
    }
    Files.write(file, input);
    try {
      Settings settings = ConfigLoader.load(file, Map.of(), Map.of());
      settings.door();
    } catch (ConfigException e) {
      if (e.getMessage() == null || e.getMessage().isBlank()) {
        throw new AssertionError("a refusal without a reason", e);
      }
    }
  }
}
