package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import ai.seedcore.serve.door.request.AccessLog;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Tests that the door logs no errors of clients and no token. */
@Isolated("It records what all threads log.")
class DoorLogTest extends RawProxyFixture {

  private ListAppender<ILoggingEvent> log;

  @BeforeEach
  void recordLog() {
    log = new ListAppender<>();
    log.start();
    root().addAppender(log);
  }

  @AfterEach
  void detach() {
    root().detachAppender(log);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void logsNoErrorsForAbortedUploads(boolean resets) throws Exception {
    for (int i = 0; i < 4; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        await().until(() -> door.status().underWay() == 1);
        if (resets) {
          client.reset();
        }
      }
      await().until(() -> door.status().underWay() == 0);
    }
    assertServes();
    assertNoErrorsLogged();
  }

  @Test
  void logsNoErrorsForClientsThatLeaveAtOnce() throws Exception {
    for (int i = 0; i < 300; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello");
        client.reset();
      }
    }
    door.awaitEmpty(0);
    assertServes();
    assertNoErrorsLogged();
  }

  @Test
  void logsNoErrorsForInvalidChunks() throws Exception {
    for (int i = 0; i < 20; i++) {
      try (RawClient client = client()) {
        client.send("POST /Other HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
        client.readUntilClosed();
      }
    }
    door.awaitEmpty(0);
    assertNoErrorsLogged();
  }

  @Test
  void accessLogHasALinePerRequestThatNoClientCanForge() throws Exception {
    Logger access = (Logger) LoggerFactory.getLogger(AccessLog.NAME);
    access.setLevel(Level.TRACE);
    try (RawClient client = client()) {
      client.send(
          """
          GET /A?secret=1 HTTP/1.1\r
          Host: x\r
          User-Agent: a" 500 \\ é\r
          X-Request-ID: mine\r
          \r
          """);
      assertThat(client.read().status()).isEqualTo(200);
      client.send("GET /absent HTTP/1.1\r\nHost: x\r\n\r\n");
      assertThat(client.read().status()).isEqualTo(404);
      await().until(() -> lines().size() == 2);
    } finally {
      access.setLevel(null);
    }
    assertThat(lines().get(0))
        .matches(
            "127\\.0\\.0\\.1 - - \\[[^]]+ \\+0000] \"GET /A HTTP/1\\.1\" 200 [1-9][0-9]* \"-\""
                + " \"a\\\\\" 500 \\\\\\\\ \\\\u00.*\" [0-9]+\\.[0-9]{3} mine");
    assertThat(lines().get(1)).contains("\"GET /absent HTTP/1.1\" 404 ").endsWith(" -");
  }

  private List<String> lines() {
    return List.copyOf(log.list).stream()
        .filter(event -> event.getLoggerName().equals(AccessLog.NAME))
        .map(ILoggingEvent::getFormattedMessage)
        .toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Bearer a-token-of-some-length|200",
        "Bearer a-token-of-some-lengt|401",
        "Bearer a-token-of-some-length2|401",
        "Bearer A-token-of-some-length|401",
        "Basic a-token-of-some-length|401",
        "Bearer|401",
        "Bearer a-token-of-some-length x|401",
        "a-token-of-some-length|401",
        "Bearera-token-of-some-length|401"
      })
  void acceptsTheTokenInOneFormOnly(String value, int status) throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.send("GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + "\r\n\r\n");
      Response response = client.read();
      assertThat(response.status()).isEqualTo(status);
      assertThat(proxy.seen).hasSize(status == 200 ? 1 : 0);
      assertThat(proxy.seen).allMatch(r -> !r.head().contains("of-some-length"));
      assertThat(response.head() + response.body()).doesNotContain("of-some-length");
    }
    assertThat(log.list).noneMatch(line -> line.toString().contains("of-some-length"));
  }

  private void assertNoErrorsLogged() {
    assertThat(log.list)
        .filteredOn(line -> line.getLevel().isGreaterOrEqual(Level.ERROR))
        .extracting(line -> line.getLoggerName() + " " + line.getFormattedMessage())
        .isEmpty();
  }

  private static Logger root() {
    return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
  }
}
