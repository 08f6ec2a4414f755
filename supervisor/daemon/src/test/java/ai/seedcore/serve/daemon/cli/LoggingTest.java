package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The log file: in the form that is set, rotated, with what libraries say by other ways. */
class LoggingTest {

  private static final Logger LOG = LoggerFactory.getLogger("ai.seedcore.test");

  @TempDir Path folder;

  @AfterEach
  void asBefore() {
    Logging.set(settings(Map.of()));
  }

  private static Settings settings(Map<String, String> given) {
    return ConfigLoader.load(null, given, Map.of());
  }

  @Test
  void aFullFileIsFollowedByTheNextAndTheOldestGoes() throws Exception {
    Path file = folder.resolve("daemon.log");
    Logging.set(
        settings(Map.of("log_file", file.toString(), "log_file_mb", "1", "log_files_kept", "2")));
    String text = "x".repeat(10_000);
    await("two full files and one that is not")
        .until(
            () -> {
              for (int i = 0; i < 100; i++) {
                LOG.info(text);
              }
              return Files.exists(folder.resolve("daemon.log.2"));
            });
    assertThat(folder.resolve("daemon.log.3")).doesNotExist();
    assertThat(Files.size(folder.resolve("daemon.log.1"))).isGreaterThan(1_000_000L);
  }

  @Test
  void formAndLevelChangeWhileItIsWritten() {
    Path file = folder.resolve("daemon.log");
    Logging.set(settings(Map.of("log_file", file.toString())));
    LOG.atInfo().addKeyValue("key", "v").log("as text");
    LOG.debug("not yet");
    Logging.set(
        settings(Map.of("log_file", file.toString(), "log_format", "json", "log_level", "debug")));
    LOG.atDebug().addKeyValue("key", "v").log("as json");
    java.util.logging.Logger.getLogger("org.example").log(Level.WARNING, "by another way");
    await().until(() -> Files.readString(file).contains("by another way"));
    await()
        .untilAsserted(
            () ->
                assertThat(Files.readString(file))
                    .contains("INFO  as text key=\"v\"")
                    .contains("\"message\":\"as json\",\"key\":\"v\"")
                    .doesNotContain("not yet"));
  }

  @Test
  void aValueForgesNeitherAKeyNorALine() throws Exception {
    Path file = folder.resolve("daemon.log");
    Logging.set(settings(Map.of("log_file", file.toString())));
    String bad = "x\" state=\"SERVING\"\n2026-01-01T00:00:00.000Z INFO  cluster\u001b[2J\u2028";
    LOG.atWarn().addKeyValue("reason", bad).log(bad);
    // Other tests of this JVM log to the file as well.
    await().until(() -> Files.exists(file) && Files.readString(file).contains("reason=\"x"));
    assertThat(Files.readString(file))
        .containsOnlyOnce("INFO  cluster\\u001b[2J\\u2028 reason=")
        .contains("reason=\"x\\\" state=\\\"SERVING\\\"\\n2026")
        .doesNotContain("\n2026-01-01", "\u001b", "\u2028");
  }

  @Test
  void aFileThatCannotBeWrittenIsRefusedAndNothingChanges() {
    assertThatThrownBy(() -> Logging.set(settings(Map.of("log_file", "/no/such/folder/x.log"))))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("log_file: found /no/such/folder/x.log, which cannot be written");
  }
}
