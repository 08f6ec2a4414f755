package ai.seedcore.serve.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests addresses in the forms that users write. */
class HostPortTest {

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:6380, 127.0.0.1, 6380",
    "ray_head:6380, ray_head, 6380",
    "my_project_ray-head_1:6379, my_project_ray-head_1, 6379",
    "head.default.svc.cluster.local:6379, head.default.svc.cluster.local, 6379",
    "[::1]:6380, [::1], 6380",
    "[fe80::1]:1, [fe80::1], 1",
    "HEAD:65535, HEAD, 65535"
  })
  void acceptsHostAndPort(String text, String host, int port) {
    assertThat(HostPort.parse(text)).isEqualTo(new HostPort(host, port));
    assertThat(HostPort.of(URI.create("http://" + text + "/x?y=z")))
        .isEqualTo(HostPort.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "head",
        ":6380",
        "head:",
        "head:0",
        "head:65536",
        "head:port",
        "a b:1",
        "http://head:1",
        "user@head:1",
        "[::1:1",
        "[zz]:1",
        "head:1/x",
        "head:1:2",
        "a\u0000b:1",
        "a\nb:1"
      })
  void rejectsOtherForms(String text) {
    assertThatThrownBy(() -> HostPort.parse(text)).hasMessageContaining("expected HOST:PORT");
  }

  @ParameterizedTest
  @CsvSource({
    "http://ray_head, ray_head, 80",
    "https://ray_head/dashboard, ray_head, 443",
    "http://user:secret@ray_head:8265/, ray_head, 8265"
  })
  void readsHostAndPortOfUrls(String url, String host, int port) {
    assertThat(HostPort.of(URI.create(url))).isEqualTo(new HostPort(host, port));
  }
}
