package ai.seedcore.serve.daemon.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.gcs.Credentials;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A GCS that requires a token, or does not. */
class TokenTest {

  private static final String TOKEN = "the-token-of-the-cluster";

  @TempDir private Path folder;
  private final Vertx vertx = Vertx.vertx();
  private FakeGcs head;
  private Path file;
  private Credentials credentials;
  private Gcs gcs;

  @BeforeEach
  void start() throws IOException, Credentials.Missing {
    head = new FakeGcs();
    file = Files.writeString(folder.resolve("token"), TOKEN);
    credentials = Credentials.find(file, Map.of());
    gcs = gcs(credentials);
  }

  private Gcs gcs(Credentials with) {
    return new Gcs(
        vertx, () -> new Gcs.Address("127.0.0.1", head.port()), with, Duration.ofSeconds(5));
  }

  @AfterEach
  void stop() {
    gcs.close();
    head.close();
    vertx.close().await();
  }

  @Test
  void tokenIsSentOnlyToAClusterThatRequiresIt() {
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
    assertThat(credentials.tokenRequired()).isFalse();
    assertThat(head.sent).isEmpty();
    head.token = TOKEN;
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
    assertThat(credentials.tokenRequired()).isTrue();
    long asked = head.asked.get();
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
    assertThat(head.asked.get() - asked).isEqualTo(1);
  }

  @Test
  void rotatedTokenIsUsed() throws IOException {
    head.token = TOKEN;
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
    head.token = "another-token";
    assertThat(reason(gcs)).isEqualTo("rejects the token of ray_token_file");
    Files.writeString(file, "another-token\n");
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
  }

  @Test
  void missingTokenIsNamed() throws Credentials.Missing {
    head.token = TOKEN;
    gcs.close();
    gcs = gcs(Credentials.find(null, Map.of("HOME", folder.toString())));
    assertThat(reason(gcs)).startsWith("requires a token, but there is none: set ray_token_file");
  }

  @Test
  void requirementEndsWithItsCluster() throws IOException {
    head.token = TOKEN;
    assertThat(gcs.rayVersion().join()).isEqualTo("2.39.0");
    head.close();
    // Usually fails, unless another test has taken the port already.
    Throwable ignored = catchThrowable(() -> gcs.rayVersion().join());
    head = new FakeGcs();
    // The end of the first connection may be noticed by a call only.
    await().ignoreExceptions().until(() -> gcs.rayVersion().join(), "2.39.0"::equals);
    assertThat(credentials.tokenRequired()).isFalse();
    assertThat(head.sent).isEmpty();
  }

  private static String reason(Gcs gcs) {
    return GcsFailure.reason(catchThrowable(() -> gcs.rayVersion().join()));
  }
}
