package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** A door before a raw proxy, which records what is forwarded. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RawProxyFixture {

  static final String HIDDEN = "GET /B/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

  RawProxy proxy;
  OpenDoor door;

  @BeforeAll
  void openDoor() throws Exception {
    proxy = new RawProxy();
    door = OpenDoor.serving(proxy.uri(), Bounds.USUAL);
  }

  @AfterAll
  void close() throws Exception {
    door.close();
    proxy.close();
  }

  @BeforeEach
  void echo() {
    proxy.seen.clear();
    proxy.behaviour = RawProxy::echo;
  }

  /** Every forwarded request was written by the door and is unambiguous. */
  @AfterEach
  void assertForwardedRequestsAreUnambiguous() {
    for (RawProxy.Seen each : proxy.seen) {
      String head = each.head();
      assertThat(head.chars().filter(c -> c == '\r').count())
          .as(head)
          .isEqualTo(head.chars().filter(c -> c == '\n').count());
      assertThat(each.all("Via")).as(head).hasSize(1);
      assertThat(each.all("Host")).as(head).hasSize(1);
      List<String> lengths = each.all("Content-Length");
      List<String> codings = each.all("Transfer-Encoding");
      assertThat(lengths.size() + codings.size()).as(head).isLessThanOrEqualTo(1);
      assertThat(lengths).as(head).allMatch(length -> length.matches("\\d+"));
      assertThat(codings).as(head).allMatch("chunked"::equals);
      assertThat(head.split("\r\n", -1)).as(head).noneMatch(line -> line.matches("[ \t].*"));
      assertThat(head.chars().noneMatch(c -> c < ' ' && c != '\r' && c != '\n' && c != '\t'))
          .as(head)
          .isTrue();
    }
  }

  RawClient client() throws IOException {
    return new RawClient(door.port);
  }

  void assertServes() throws IOException {
    try (RawClient client = client()) {
      assertThat(client.post("/A", "{\"well\":1}").read().body()).isEqualTo("/A|{\"well\":1}");
    }
  }

  /** Asserts that a request is refused, and that no part of it is forwarded. */
  void assertRefused(String text) throws IOException {
    proxy.seen.clear(); // Drops the requests that assertServes sent.
    try (RawClient client = client()) {
      client.trySend(text).shutdownSending();
      Response response = client.read();
      assertThat(response.status()).as(response.head() + response.body()).isBetween(400, 505);
      assertThat(response.status()).as(response.head() + response.body()).isNotIn(502, 503, 504);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    assertThat(proxy.seen).isEmpty();
    assertServes();
  }
}
