package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests valid requests, some of which look like invalid ones. */
class DoorRequestsTest extends RawProxyFixture {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/A//",
        "/A/%2F",
        "/A%2Fb",
        "/A/../B",
        "/A/./x",
        "/A/%2e%2e/B",
        "/A/;x",
        "/A/%00",
        "/A/%0d%0aX:x",
        "/A/%",
        "/A/%zz",
        "/A/..%2fB",
        "/A/x:80",
        "/A/http://x/B",
        "/A/~",
        "/A/[",
        "/A/\"<>^`{|}"
      })
  void forwardsPathsUnchanged(String path) throws Exception {
    try (RawClient client = client()) {
      Response response = client.get(path).read();
      if (response.status() == 200) {
        assertThat(proxy.seen).hasSize(1);
        assertThat(proxy.seen.get(0).target()).isEqualTo(path);
      } else {
        assertThat(response.status()).isIn(400, 404);
        assertThat(proxy.seen).isEmpty();
      }
    }
    assertServes();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "//A",
        "///A",
        "/.//A",
        "/./A",
        "/../A",
        "/%41",
        "/a",
        "/AA",
        "/A;x",
        "/A%2F",
        "/A%00",
        "/A.",
        "/;/A",
        "/%2FA",
        "/-/../A",
        "/health/../A",
        "/http://x/A"
      })
  void doesNotNormalizePathsToRoutes(String path) throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get(path).read().status()).isIn(400, 404);
    }
    assertThat(proxy.seen).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "http://x/A?a=b,/A?a=b",
    "HTTP://x:1/A,/A",
    "http://x?/A?a=b,",
    "http://xy,",
    "https://x/B/c,/B/c"
  })
  void acceptsTargetsInAbsoluteForm(String target, String seen) throws Exception {
    try (RawClient client = client()) {
      Response response = client.get(target).read();
      if (seen == null) {
        assertThat(response.body()).contains("SeedCore Serve");
        assertThat(proxy.seen).isEmpty();
      } else {
        assertThat(response.body()).isEqualTo(seen + "|");
        assertThat(proxy.seen.get(0).all("X-Forwarded-Host").get(0)).startsWith("x");
      }
    }
  }

  @Test
  void acceptsHostsOfOneLetter() throws Exception {
    try (RawClient client = client()) {
      assertThat(client.get("http://x").read().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"FOO", "get", "PROPFIND", "DELETE", "PATCH", "OPTIONS", "PUT", "M-SEARCH"})
  void forwardsAllMethods(String method) throws Exception {
    for (String path : List.of("/B/x", "/Other/x")) {
      try (RawClient client = client()) {
        client.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        assertThat(client.read().status()).isEqualTo(200);
      }
    }
    assertThat(proxy.seen).hasSize(2).allMatch(r -> r.head().startsWith(method + " "));
  }

  @Test
  void sendsNoBodyInResponseToHead() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.send(
                socket,
                request.head().startsWith("HEAD")
                    ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                    : RawProxy.ok("hello"));
    for (String path : List.of("/B", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
        client.read(false);
        client.get("/Other");
        assertThat(client.read().body()).as(path).isEqualTo("hello");
      }
    }
  }

  // Hop-by-hop fields and the end of connections (F15).

  @ParameterizedTest
  @ValueSource(
      strings = {"close", "Close", "close, x", "x, close", "x ,\tCLOSE", "x\r\nConnection: close"})
  void closesTheConnectionWhenTheClientAsksForIt(String value) throws Exception {
    for (String path : List.of("/A", "/Other", "/nobody's", "/health")) {
      try (RawClient client = client()) {
        client.send(
            "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + value + "\r\n\r\n" + HIDDEN);
        client.read();
        assertThat(client.readUntilClosed()).as(path).isEmpty();
      }
    }
    assertThat(proxy.seen).noneMatch(r -> r.head().contains("hidden"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X-Request-ID",
        "X-Forwarded-For",
        "Via",
        "Content-Length",
        "Host",
        "Transfer-Encoding"
      })
  void keepsItsOwnFieldsWhenTheClientNamesThemHopByHop(String name) throws Exception {
    for (String path : List.of("/A", "/Other")) {
      proxy.seen.clear();
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.1\r\nHost: x\r\nX-Request-ID: 7\r\nX-Own: 1\r\nConnection: X-Own, %s\r\n"
                    .formatted(path, name)
                + "Content-Length: 2\r\n\r\n{}");
        assertThat(client.read().body()).isEqualTo(path + "|{}");
      }
      RawProxy.Seen seen = proxy.seen.get(0);
      assertThat(seen.all("X-Request-ID")).hasSize(1);
      assertThat(seen.all("X-Forwarded-For")).containsExactly("127.0.0.1");
      assertThat(seen.all("X-Own")).isEmpty();
      assertThat(seen.all("Connection")).isEmpty();
    }
  }

  @Test
  void sendsNo100ContinueToHttp10Clients() throws Exception {
    for (String path : List.of("/A", "/Other")) {
      try (RawClient client = client()) {
        client.send(
            "POST %s HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
                .formatted(path));
        Response response = client.read();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.all("Transfer-Encoding")).isEmpty();
        assertThat(response.body()).isEqualTo(path + "|{}");
        assertThat(client.readUntilClosed()).isEmpty();
      }
    }
  }

  @Test
  void sendsNoChunksToHttp10Clients() throws Exception {
    proxy.behaviour =
        (request, socket) ->
            RawProxy.send(
                socket,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nthere\r\n0\r\n\r\n");
    for (String path : List.of("/A", "/Other")) {
      for (String more : List.of("", "Connection: keep-alive\r\n")) {
        try (RawClient client = client()) {
          client.send("GET " + path + " HTTP/1.0\r\n" + more + "\r\n");
          Response response = client.read();
          assertThat(response.all("Transfer-Encoding")).isEmpty();
          assertThat(response.body()).isEqualTo("hellothere");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/A", "/B", "/Other", "/health", "/nobody's"})
  void respondsToClientsThatHaveClosedTheirSide(String path) throws Exception {
    try (RawClient client = client()) {
      client.get(path).shutdownSending();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    try (RawClient client = client()) {
      client.post(path, "{}").shutdownSending();
      assertThat(client.read().status()).isIn(200, 404);
      assertThat(client.readUntilClosed()).isEmpty();
    }
    door.awaitEmpty(0);
  }

  /** Its other connection uses up the client's time, so the request is kept for a moment. */
  @Test
  void respondsToClientsThatHaveClosedTheirSideAndWaitForTheirShareOfTime() throws Exception {
    try (RawClient busy = client()) {
      for (int i = 0; i < 20; i++) {
        busy.send("GET /nobody's HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100));
        try (RawClient client = client()) {
          client.post("/nobody's", "{}").shutdownSending();
          assertThat(client.read().status()).isEqualTo(404);
          assertThat(client.readUntilClosed()).isEmpty();
        }
        for (int read = 0; read < 100; read++) {
          assertThat(busy.read().status()).isEqualTo(404);
        }
      }
    }
  }

  @Test
  void respondsToAllPipelinedRequestsAfterTheClientClosesItsSide() throws Exception {
    try (RawClient client = client()) {
      client
          .get("/A/1")
          .post("/A/2", "two")
          .get("/Other/3")
          .post("/Other/4", "four")
          .shutdownSending();
      assertThat(client.read().body()).isEqualTo("/A/1|");
      assertThat(client.read().body()).isEqualTo("/A/2|two");
      assertThat(client.read().body()).isEqualTo("/Other/3|");
      assertThat(client.read().body()).isEqualTo("/Other/4|four");
      assertThat(client.readUntilClosed()).isEmpty();
    }
  }

  @Test
  void acceptsTheTokenSchemeInLowerCase() throws Exception {
    try (OpenDoor locked =
            OpenDoor.serving(proxy.uri(), Bounds.USUAL.token("a-token-of-some-length"));
        RawClient client = new RawClient(locked.port)) {
      client.send(
          "GET /A HTTP/1.1\r\nHost: x\r\nAuthorization: bearer a-token-of-some-length\r\n\r\n");
      assertThat(client.read().status()).isEqualTo(200);
    }
  }

  // Data that arrives before it is wanted.

  @ParameterizedTest
  @ValueSource(ints = {1, 8_192, 8_193, 20_000, 60_000, 99_000})
  void keepsPipelinedBodiesComplete(int size) throws Exception {
    String body = "0123456789".repeat(size / 10 + 1).substring(0, size);
    for (String path : List.of("/A", "/B", "/Other")) {
      for (boolean chunked : List.of(false, true)) {
        try (RawClient client = client()) {
          String one =
              chunked
                  ? "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
                      .formatted(path, size, body)
                  : "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                      .formatted(path, size, body);
          client.send(one.repeat(4));
          for (int i = 0; i < 4; i++) {
            Response response = client.read();
            assertThat(response.status()).as("%s, chunked %s, %d", path, chunked, i).isEqualTo(200);
            assertThat(response.body().equals(path + "|" + body))
                .as(
                    "%s, chunked %s, the %d. of 4: %d bytes of %d came",
                    path, chunked, i + 1, response.body().length() - path.length() - 1, size)
                .isTrue();
          }
        }
      }
    }
    door.awaitEmpty(0);
  }

  @Test
  void acceptsBodiesInManyChunks() throws Exception {
    try (RawClient client = client()) {
      client.send(
          "GET /A HTTP/1.1\r\nHost: x\r\n\r\n"
              + "POST /A HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
              + "1\r\nx\r\n".repeat(5_000)
              + "0\r\n\r\n");
      assertThat(client.read().body()).isEqualTo("/A|");
      assertThat(client.read().body()).hasSize(5_003);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Connection: close\r\n"})
  void letsClientsSendABodyThatItDoesNotWant(String header) throws Exception {
    try (RawClient client = client()) {
      client.send(
          "POST /nobody's HTTP/1.1\r\nHost: x\r\n%sContent-Length: 40000000\r\n\r\n"
              .formatted(header));
      String part = "y".repeat(1_000_000);
      for (int i = 0; i < 40; i++) {
        client.send(part);
      }
      Response response = client.read();
      assertThat(response.status()).isEqualTo(404);
      assertThat(response.header("Connection")).isEqualTo("close");
    }
    door.awaitEmpty(0);
  }

  @Test
  void chargesTheHeadsOfRequestsWhoseBodyItDiscards() throws Exception {
    List<RawClient> clients = new ArrayList<>();
    try {
      for (int i = 0; i < 10; i++) {
        clients.add(client());
        clients
            .get(i)
            .send(
                "POST /nobody's HTTP/1.1\r\nHost: x\r\nX: %s\r\nContent-Length: 1000000\r\n\r\n"
                    .formatted("x".repeat(28_000)));
      }
      await().until(() -> door.status().keptBytes() > 10 * 28_000);
    } finally {
      for (RawClient client : clients) {
        client.close();
      }
    }
    door.awaitEmpty(0);
  }
}
