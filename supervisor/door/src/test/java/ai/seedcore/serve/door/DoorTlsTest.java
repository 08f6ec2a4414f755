package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.http.Sockets;
import ai.seedcore.serve.door.client.Handshakes;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the door with a certificate. */
@Isolated("It measures times.")
class DoorTlsTest extends DoorFixture {

  @Test
  void acceptsTls() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(Limits.USUAL, null, certificate, key));
    for (String suite :
        List.of("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA")) {
      assertThatThrownBy(() -> handshake(keys, "TLSv1.2", suite))
          .as(suite)
          .isInstanceOf(IOException.class);
    }
    handshake(keys, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(keys);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    HttpResponse<String> response =
        HttpClient.newBuilder()
            .sslContext(tls)
            .build()
            .send(
                HttpRequest.newBuilder(URI.create("https://localhost:" + port + "/A"))
                    .POST(BodyPublishers.ofString("{}"))
                    .build(),
                BodyHandlers.ofString());
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("X-Saw-Headers").orElseThrow())
        .contains("X-Forwarded-Proto=https");
    Files.writeString(key, "no key");
    port = Sockets.freePort();
    assertThatThrownBy(() -> open(Limits.USUAL, null, certificate, key))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("expected readable PEM files");
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    Files.writeString(
        key, pem("PRIVATE KEY", generator.generateKeyPair().getPrivate().getEncoded()));
    assertThatThrownBy(() -> open(Limits.USUAL, null, certificate, key))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("front_door_key: found")
        .hasMessageContaining("expected the private key of the certificate");
  }

  @Test
  @Tag("slow")
  void renewedCertificateIsUsedAndConnectionsStay() throws Exception {
    KeyStore first = openWithTls();
    try (SSLSocket open = connect(first)) {
      KeyStore second = makeKeys(folder.resolve("cert.pem"), folder.resolve("key.pem"));
      assertThatThrownBy(() -> connect(second)).isInstanceOf(IOException.class);
      await()
          .atMost(Duration.ofSeconds(30))
          .ignoreExceptions()
          .until(
              () -> {
                connect(second).close();
                return true;
              });
      open.getOutputStream()
          .write("GET /A HTTP/1.1\r\nHost: h\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(new String(open.getInputStream().readNBytes(12), StandardCharsets.US_ASCII))
          .isEqualTo("HTTP/1.1 200");
    }
  }

  private SSLSocket connect(KeyStore trusted) throws Exception {
    SSLSocket socket =
        (SSLSocket) trusting(trusted).getSocketFactory().createSocket("127.0.0.1", port);
    socket.startHandshake();
    return socket;
  }

  private FrontDoor door;

  private KeyStore openWithTls() throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    door = open(Limits.USUAL, null, certificate, key);
    awaitServes(door);
    return keys;
  }

  private void handshake(KeyStore trusted, String version, String suite) throws Exception {
    try (SSLSocket socket =
        (SSLSocket) trusting(trusted).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setEnabledProtocols(new String[] {version});
      socket.setEnabledCipherSuites(new String[] {suite});
      socket.startHandshake();
    }
  }

  @Test
  void dropsTheOldestHandshakesBeyondTheLimit() throws Exception {
    KeyStore keys = openWithTls();
    List<RawClient> silent = new ArrayList<>();
    try {
      for (int i = 0; i < Handshakes.MAX_HANDSHAKES + 20; i++) {
        silent.add(new RawClient("127.0.5.1", port).send("\u0016\u0003\u0001@\u0000"));
      }
      for (RawClient one : silent.subList(0, 20)) {
        assertThatThrownBy(one::read).isInstanceOfAny(EOFException.class, SocketException.class);
      }
      handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    } finally {
      for (RawClient one : silent) {
        one.reset();
      }
    }
  }

  @Test
  @Tag("slow")
  void dropsTheOldestIncompleteRecordsBeyondTheLimit() throws Exception {
    KeyStore keys = openWithTls();
    SSLContext tls = trusting(keys);
    List<Socket> partial = new ArrayList<>();
    try {
      for (int i = 0; i < Handshakes.MAX_HANDSHAKES + 20; i++) {
        Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
        partial.add(plain);
        plain.setSoTimeout(5_000);
        SSLSocket secure =
            (SSLSocket) tls.getSocketFactory().createSocket(plain, "127.0.0.1", port, false);
        secure.startHandshake();
        // Only the header of a record of 16 KiB.
        plain.getOutputStream().write(new byte[] {0x17, 3, 3, 0x40, 0});
      }
      for (Socket first : partial.subList(0, 20)) {
        assertThat(Sockets.isClosed(first)).isTrue();
      }
      handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
    } finally {
      for (Socket each : partial) {
        each.setSoLinger(true, 0);
        each.close();
      }
    }
  }

  /** Many records are decrypted at once. Their contents are kept while reading is stopped. */
  @ParameterizedTest
  @ValueSource(ints = {100, 1_000, 4_000, 16_000})
  void receivesCompleteUploadsOverTlsForAllRecordSizes(int record) throws Exception {
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    KeyStore keys = makeKeys(certificate, key);
    awaitServes(open(new Limits(100, 8 << 20, 20, 2 << 20, 1_000, false), null, certificate, key));
    byte[] body = ("\"" + "x".repeat(300_000) + "\"").getBytes(StandardCharsets.US_ASCII);
    String head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n";
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    // The second and third request wait for the first.
    for (String path : List.of("/A", "/B", "/A")) {
      all.writeBytes(head.formatted(path, body.length).getBytes(StandardCharsets.US_ASCII));
      all.writeBytes(body);
    }
    byte[] bytes = all.toByteArray();
    try (Socket socket = trusting(keys).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setSoTimeout(10_000);
      Thread writer =
          new Thread(
              () -> {
                try {
                  for (int at = 0; at < bytes.length; at += record) {
                    socket.getOutputStream().write(bytes, at, Math.min(record, bytes.length - at));
                  }
                } catch (IOException e) {
                  // The reader fails, too.
                }
              });
      writer.start();
      InputStream from = new BufferedInputStream(socket.getInputStream());
      for (int i = 0; i < 3; i++) {
        String response = RawClient.head(from);
        assertThat(response).startsWith("HTTP/1.1 200 ");
        assertThat(RawClient.body(from, response)).hasSize(body.length);
      }
      writer.join();
    }
  }

  /** In TLS 1.3 each further handshake of a JSSE client is a KeyUpdate, in a record of its own. */
  @Test
  void closesConnectionsThatUpdateTheirKeysWithoutEnd() throws Exception {
    KeyStore keys = openWithTls();
    try (SSLSocket socket =
        (SSLSocket) trusting(keys).getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setSoTimeout(10_000);
      socket.setEnabledProtocols(new String[] {"TLSv1.3"});
      socket.startHandshake();
      for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 10; k++) {
          socket.startHandshake();
        }
        ask(socket);
      }
      assertThatThrownBy(
              () -> {
                for (int k = 0; k < 100_000; k++) {
                  socket.startHandshake();
                }
              })
          .isInstanceOf(IOException.class);
    }
  }

  /** A handshake costs the door far more than a client, which may send the same bytes each time. */
  @Test
  void respondsQuicklyToOthersDuringAFloodOfHandshakes() throws Exception {
    KeyStore keys = openWithTls();
    byte[] hello = clientHello(keys);
    List<RawClient> bad = new ArrayList<>();
    try (Socket good = trusting(keys).getSocketFactory().createSocket("127.0.0.1", port)) {
      good.setSoTimeout(20_000);
      for (int i = 0; i < 50; i++) {
        ask(good);
        handshake(keys, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
      }
      for (int i = 0; i < 600; i++) {
        bad.add(new RawClient("127.0.5.1", port));
      }
      for (RawClient each : bad) {
        each.send(hello);
      }
      await("what waits to be decrypted is charged")
          .until(() -> door.status().keptBytes() > 10_000);
      double longest = 0;
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
      while (System.nanoTime() < end) {
        long began = System.nanoTime();
        ask(good);
        longest = Math.max(longest, (System.nanoTime() - began) / 1e6);
      }
      System.out.printf("during 600 handshakes: at most %.0f ms%n", longest);
      assertThat(longest).isLessThan(250);
    } finally {
      for (RawClient each : bad) {
        each.reset();
      }
    }
    await().until(() -> door.status().keptBytes() == 0);
  }

  private static byte[] clientHello(KeyStore keys) throws Exception {
    SSLEngine client = trusting(keys).createSSLEngine();
    client.setUseClientMode(true);
    ByteBuffer hello = ByteBuffer.allocate(client.getSession().getPacketBufferSize());
    client.wrap(ByteBuffer.allocate(0), hello);
    return Arrays.copyOf(hello.array(), hello.position());
  }

  private static void ask(Socket good) throws IOException {
    send(good, "POST /A HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    assertThat(readUntil(good, "}")).startsWith("HTTP/1.1 200");
  }
}
