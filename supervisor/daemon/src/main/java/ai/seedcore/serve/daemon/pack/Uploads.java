package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.gcs.Gcs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts packages where the cluster's nodes fetch them, and keeps them there. Never waits; used by
 * the control thread.
 */
public final class Uploads {

  private static final Logger LOG = LoggerFactory.getLogger(Uploads.class);

  /** What Ray itself gives a package that nothing uses; there is no need to be kept for longer. */
  private static final Duration KEPT = Duration.ofMinutes(10);

  private static final Duration RENEW = Duration.ofMinutes(4);

  /** How often progress is logged. */
  private static final Duration TELL = Duration.ofSeconds(5);

  private final Gcs gcs;
  private final PackageStore store;
  private final Clock clock;
  private final Runnable wake;
  private @Nullable Upload running;
  private volatile @Nullable Progress progress;
  private Instant renewed = Instant.MIN;

  private record Upload(Packages packages, String session, CompletableFuture<String> trouble) {}

  /** How many bytes of a package have left, and how many there are. */
  public record Progress(String name, long sent, long size) {}

  /**
   * What came of an upload.
   *
   * @param trouble why not all packages are there; empty where they are
   */
  public record Finished(Packages packages, String session, String trouble) {}

  public Uploads(Gcs gcs, PackageStore store, Clock clock, Runnable wake) {
    this.gcs = gcs;
    this.store = store;
    this.clock = clock;
    this.wake = wake;
  }

  /** Begins to put there what is not there, unless that is under way. */
  public void begin(Packages packages, String session) {
    if (running != null) {
      return;
    }
    CompletableFuture<String> trouble = CompletableFuture.completedFuture("");
    for (Map.Entry<String, Path> file : packages.files().entrySet()) {
      trouble =
          trouble.thenCompose(
              before ->
                  before.isEmpty()
                      ? ensure(packages, file.getKey(), file.getValue())
                      : CompletableFuture.completedFuture(before));
    }
    running = new Upload(packages, session, trouble.whenComplete((text, error) -> wake.run()));
  }

  private CompletableFuture<String> ensure(Packages packages, String name, Path file) {
    String uri = "gcs://" + name;
    return gcs.pin(uri, KEPT)
        .thenCompose(pinned -> gcs.exists("", uri))
        .thenCompose(
            there ->
                there
                    ? CompletableFuture.completedFuture("")
                    : put(packages, name, uri, file)
                        .thenCompose(trouble -> gcs.pin(uri, KEPT).thenApply(pinned -> trouble)))
        .exceptionally(e -> "package %s: GCS %s".formatted(name, Gcs.reason(e)));
  }

  private CompletableFuture<String> put(Packages packages, String name, String uri, Path file) {
    try {
      if (!Files.exists(file)) {
        packages.again(); // The cache may be deleted at any time.
      }
      long size = Files.size(file);
      AtomicLong toldAt = new AtomicLong(System.nanoTime());
      return store.put(
          uri,
          file,
          size,
          sent -> {
            progress = new Progress(name, sent, size);
            if (System.nanoTime() - toldAt.get() > TELL.toNanos()) {
              toldAt.set(System.nanoTime());
              LOG.atInfo()
                  .addKeyValue("package", name)
                  .addKeyValue("mib", sent >> 20)
                  .addKeyValue("of", size >> 20)
                  .log("uploading");
            }
          });
    } catch (IOException e) {
      LOG.debug("package {}", name, e);
      return CompletableFuture.completedFuture(
          "the package %s cannot be read from the cache".formatted(file));
    }
  }

  /** Whether an upload runs. */
  public boolean running() {
    return running != null;
  }

  /** How far the upload is that runs; null: none does. */
  public @Nullable Progress progress() {
    return running == null ? null : progress;
  }

  /** What has come to an end since it was asked last. */
  public Optional<Finished> collect() {
    if (running == null || !running.trouble().isDone()) {
      return Optional.empty();
    }
    Upload done = running;
    running = null;
    progress = null;
    String trouble = done.trouble().join();
    if (trouble.isEmpty()) {
      renewed = clock.instant();
    }
    return Optional.of(new Finished(done.packages(), done.session(), trouble));
  }

  /** Whether the cluster would soon drop what nothing uses. */
  public boolean due() {
    return running == null
        && (renewed.equals(Instant.MIN) || clock.instant().isAfter(renewed.plus(RENEW)));
  }
}
