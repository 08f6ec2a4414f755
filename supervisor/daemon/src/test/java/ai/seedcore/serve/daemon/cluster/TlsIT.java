package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.PfxOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster whose dashboard and routes are reached by TLS alone. */
@Tag("cluster")
class TlsIT {

  private static final int DASHBOARD = 28275;
  private static final int ROUTES = 28010;

  @TempDir Path folder;

  @Test
  void servesOnceTheCertificateIsTrusted() throws Exception {
    Path store = folder.resolve("store.p12");
    Certificates.keyStore(store);
    Vertx vertx = Vertx.vertx();
    try (RayCluster cluster = new RayCluster().start()) {
      terminate(vertx, store, DASHBOARD, 28265);
      terminate(vertx, store, ROUTES, 28000);
      int submitted;
      try (DaemonProcess daemon = start(Map.of())) {
        daemon.awaitReason("RECOVERING", "has a certificate that this JVM does not trust");
        daemon.end("TERM");
        submitted = daemon.log().split("INFO  deploy app=", -1).length - 1;
      }
      String trust =
          "-Djavax.net.ssl.trustStore=%s -Djavax.net.ssl.trustStorePassword=changeit"
              .formatted(store);
      try (DaemonProcess daemon = start(Map.of("JDK_JAVA_OPTIONS", trust))) {
        daemon.awaitReady();
        // What the one before submitted, if it got so far, runs well; but for the last one, which
        // its end may have prevented.
        int missing = daemon.deploys();
        assertThat(missing).isBetween(3 - submitted, submitted == 0 ? 3 : 4 - submitted);
        cluster.kill();
        daemon.awaitNotReady();
        cluster.comeBack();
        daemon.awaitReady();
        assertThat(daemon.deploys()).isEqualTo(missing + 3);
      }
    } finally {
      vertx.close().await();
    }
  }

  private DaemonProcess start(Map<String, String> variables) {
    return DaemonProcess.start(
        folder,
        List.of(),
        variables,
        "--address=" + RayCluster.ADDRESS,
        "--dashboard=https://127.0.0.1:" + DASHBOARD,
        "--serve-url=https://127.0.0.1:" + ROUTES);
  }

  /** Listens with TLS on a port and passes all on to another. */
  private static void terminate(Vertx vertx, Path store, int port, int upstream) {
    NetServerOptions options =
        new NetServerOptions()
            .setSsl(true)
            .setKeyCertOptions(new PfxOptions().setPath(store.toString()).setPassword("changeit"));
    vertx
        .createNetServer(options)
        .connectHandler(
            in -> {
              in.pause();
              vertx
                  .createNetClient()
                  .connect(upstream, "127.0.0.1")
                  .onSuccess(out -> Future.all(in.pipeTo(out), out.pipeTo(in)))
                  .onFailure(refused -> in.close());
            })
        .listen(port, "127.0.0.1")
        .await();
  }
}
