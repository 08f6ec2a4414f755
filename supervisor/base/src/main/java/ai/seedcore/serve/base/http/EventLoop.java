package ai.seedcore.serve.base.http;

import ai.seedcore.serve.base.Fatal;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What HTTP runs on, as a server and as a client, beside the control thread and never in it. */
public final class EventLoop {

  private static final Logger LOG = LoggerFactory.getLogger(EventLoop.class);

  private EventLoop() {}

  /**
   * One thread, on which nobody may wait but the resolver of names: who serves and who asks have
   * one each.
   */
  public static Vertx start() {
    return start(false);
  }

  /** The same, for much traffic: by the system's own means (epoll), which cost memory, too. */
  public static Vertx startBusy() {
    return start(true);
  }

  private static Vertx start(boolean busy) {
    // The system's resolver knows the machine's hosts file and search domains as all else does.
    System.setProperty("vertx.disableDnsResolver", "true");
    Vertx vertx =
        Vertx.vertx(
            new VertxOptions()
                .setEventLoopPoolSize(1)
                .setPreferNativeTransport(busy)
                .setWorkerPoolSize(4) // Of whom some may wait for the resolver.
                .setInternalBlockingPoolSize(1)
                // No files are served, and no folder is to be made for them in /tmp.
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setFileCachingEnabled(false)
                        .setClassPathResolvingEnabled(false)));
    vertx.exceptionHandler(
        error -> {
          Fatal.ifOutOfMemory(error);
          LOG.error("a fault of this program", error);
        });
    return vertx;
  }
}
