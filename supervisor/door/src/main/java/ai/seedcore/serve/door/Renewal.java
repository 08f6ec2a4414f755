package ai.seedcore.serve.door;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.door.client.Tls;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.net.ServerSSLOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the files of the tokens and of the certificate again, and uses what has changed. Open
 * connections stay. What is invalid is logged once, and the door goes on with what it has.
 */
final class Renewal implements Callable<Void> {

  private static final Logger LOG = LoggerFactory.getLogger(Renewal.class);

  private final DoorSettings settings;
  private final Vertx vertx;
  private final HttpServer server;
  private final Supplier<DoorTokens> tokens;
  private final Consumer<DoorTokens> use;
  private DoorTokens used;
  private volatile byte[] certificate;
  private String trouble = "";

  Renewal(
      DoorSettings settings,
      Vertx vertx,
      HttpServer server,
      DoorTokens used,
      Supplier<DoorTokens> tokens,
      Consumer<DoorTokens> use) {
    this.settings = settings;
    this.vertx = vertx;
    this.server = server;
    this.tokens = tokens;
    this.use = use;
    this.used = used;
    this.certificate = read(settings.certificate());
  }

  @Override
  public synchronized @Nullable Void call() {
    String found = trouble(this::renewTokens) + trouble(this::renewCertificate);
    if (!found.isEmpty() && !found.equals(trouble)) {
      LOG.atWarn().addKeyValue("reason", found).log("a changed file is not used");
    }
    trouble = found;
    return null;
  }

  /** Returns why a file is not used; empty if it is. */
  private static String trouble(Runnable renewal) {
    try {
      renewal.run();
      return "";
    } catch (RuntimeException e) {
      return e instanceof ConfigException ? String.valueOf(e.getMessage()) : e.toString();
    }
  }

  private void renewTokens() {
    DoorTokens now = tokens.get();
    if (!now.equals(used)) {
      used = now;
      use.accept(now);
      LOG.atInfo().addKeyValue("valid", now.valid().size()).log("the clients' tokens have changed");
    }
  }

  private void renewCertificate() {
    Path file = settings.certificate();
    Path key = settings.key();
    byte[] now = read(file);
    if (file == null || key == null || Arrays.equals(now, certificate)) {
      return;
    }
    // Whoever renews both files may not have written the key yet: then this fails, and is repeated.
    ServerSSLOptions options = Tls.options(vertx, file, key);
    server
        .updateSSLOptions(options, true)
        .onSuccess(
            done -> {
              certificate = now;
              LOG.atInfo().log("the certificate has changed");
            })
        .onFailure(e -> LOG.atWarn().addKeyValue("error", e).log("a changed file is not used"));
  }

  private static byte[] read(@Nullable Path file) {
    try {
      return file == null ? new byte[0] : Files.readAllBytes(file);
    } catch (IOException e) {
      throw new ConfigException("front_door_certificate: cannot read %s: %s".formatted(file, e));
    }
  }
}
