package ai.seedcore.serve.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.base.ConfigException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class SettingsOptionsTest {

  @Command
  private static final class Options {
    @Mixin private SettingsOptions settings;
  }

  private static int servePort(Map<String, String> environment) {
    Options options = new Options();
    new CommandLine(options).parseArgs();
    return options.settings.load(environment).servePort();
  }

  /** What the kubelet sets for a Service in a pod with enableServiceLinks, which is the default. */
  @Test
  void theAddressOfAKubernetesServiceIsNoSetting() {
    int otherwise = servePort(Map.of());
    assertThat(
            servePort(
                Map.of(
                    "SEEDCORE_SERVE_SERVICE_HOST", "10.96.0.7",
                    "SEEDCORE_SERVE_SERVICE_PORT", "8090",
                    "SEEDCORE_SERVE_PORT", "tcp://10.96.0.7:8090",
                    "SEEDCORE_SERVE_PORT_8090_TCP", "tcp://10.96.0.7:8090",
                    "SEEDCORE_PORT", "tcp://10.96.0.8:8000")))
        .isEqualTo(otherwise);
    assertThat(servePort(Map.of("SEEDCORE_SERVE_PORT", "8123", "SEEDCORE_SERVE_SERVICE_HOST", "a")))
        .isEqualTo(8123);
    assertThatThrownBy(() -> servePort(Map.of("SEEDCORE_SERVE_PORT", "tcp://10.96.0.7:8090")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("SEEDCORE_SERVE_PORT");
  }
}
