package ai.seedcore.serve.gcs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CredentialsTest {

  @TempDir private Path folder;

  @Test
  void ourSettingsComeBeforeRays() throws Exception {
    Path ours = Files.writeString(folder.resolve("ours"), "of-ours\n");
    Path named = Files.writeString(folder.resolve("named"), "of-path");
    Files.createDirectory(folder.resolve(".ray"));
    Files.writeString(folder.resolve(".ray/auth_token"), "of-home");
    Map<String, String> environment = new HashMap<>(Map.of("HOME", folder.toString()));
    assertThat(Credentials.find(null, environment).token()).isEqualTo("of-home");
    environment.put("RAY_AUTH_TOKEN_PATH", named.toString());
    assertThat(Credentials.find(null, environment).token()).isEqualTo("of-path");
    environment.put("RAY_AUTH_TOKEN", "of-variable");
    assertThat(Credentials.find(null, environment).token()).isEqualTo("of-variable");
    environment.put("SEEDCORE_RAY_TOKEN", "of-our-variable");
    assertThat(Credentials.find(null, environment).token()).isEqualTo("of-our-variable");
    assertThat(Credentials.find(ours, environment).token()).isEqualTo("of-ours");
  }

  @Test
  void tokenIsReadAnew() throws Exception {
    Path file = Files.writeString(folder.resolve("token"), "first");
    Credentials credentials = Credentials.find(file, Map.of());
    assertThat(credentials.token()).isEqualTo("first");
    Files.writeString(file, "second");
    assertThat(credentials.token()).isEqualTo("second");
  }

  @Test
  void messagesNameTheSourceAndNotTheToken() throws Exception {
    assertThatThrownBy(Credentials.find(null, Map.of("HOME", folder.toString()))::token)
        .hasMessageContaining("there is none: set ray_token_file, RAY_AUTH_TOKEN");
    assertThatThrownBy(
            Credentials.find(null, Map.of("RAY_AUTH_TOKEN_PATH", folder + "/absent"))::token)
        .hasMessageContaining("RAY_AUTH_TOKEN_PATH names " + folder + "/absent");
    assertThatThrownBy(Credentials.find(null, Map.of("RAY_AUTH_TOKEN", "se cret"))::token)
        .hasMessageContaining("RAY_AUTH_TOKEN has one with spaces")
        .hasMessageNotContaining("cret");
  }

  @Test
  void childGetsWhatTheClusterRequires() throws Exception {
    Map<String, String> environment = Map.of("RAY_AUTH_TOKEN", "secret");
    Credentials credentials = Credentials.find(null, environment);
    Map<String, String> child = new HashMap<>(environment);
    credentials.give(child);
    assertThat(child).isEqualTo(Map.of("RAY_AUTH_MODE", "disabled"));
    credentials.require();
    credentials.give(child);
    assertThat(child).isEqualTo(Map.of("RAY_AUTH_MODE", "token", "RAY_AUTH_TOKEN", "secret"));
    Path file = Files.writeString(folder.resolve("token"), "secret");
    Credentials ours = Credentials.none().withOwnToken("secret", file);
    ours.require();
    Files.delete(file);
    ours.give(child);
    assertThat(file).hasContent("secret");
    ours.tokenRequired(false);
    ours.giveHead(child);
    assertThat(child)
        .isEqualTo(Map.of("RAY_AUTH_MODE", "token", "RAY_AUTH_TOKEN_PATH", file.toString()));
  }

  @Test
  void everyFileForTlsIsNamed() throws IOException, Credentials.Missing {
    Map<String, String> environment = new HashMap<>(Map.of("RAY_USE_TLS", "1"));
    for (String name : new String[] {"SERVER_CERT", "SERVER_KEY", "CA_CERT"}) {
      assertThatThrownBy(() -> Credentials.find(null, environment))
          .hasMessage("RAY_TLS_%s: not set, expected a PEM file, because RAY_USE_TLS is on", name);
      environment.put("RAY_TLS_" + name, folder.resolve(name).toString());
    }
    Credentials.Tls tls = Credentials.find(null, environment).tls();
    assertThat(tls).isNotNull();
    Vertx vertx = Vertx.vertx();
    assertThatThrownBy(() -> tls.read(vertx))
        .hasMessage("RAY_TLS_SERVER_CERT: cannot read " + folder.resolve("SERVER_CERT"));
    Files.writeString(folder.resolve("SERVER_CERT"), "no PEM");
    assertThatThrownBy(() -> tls.read(vertx)).hasMessageContaining("is not a certificate");
    vertx.close().await();
    assertThat(Credentials.find(null, Map.of("RAY_USE_TLS", "0")).tls()).isNull();
  }
}
