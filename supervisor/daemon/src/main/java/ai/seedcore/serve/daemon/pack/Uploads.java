package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.Outcome;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Uploads packages to the GCS, from which the nodes fetch them, and renews them. No method blocks.
 * Used by the control thread only.
 */
public final class Uploads {

  private static final Logger LOG = LoggerFactory.getLogger(Uploads.class);

  /** How long the GCS keeps a package that nothing uses. This is Ray's own value. */
  private static final Duration KEPT = Duration.ofMinutes(10);

  private static final Duration RENEW = Duration.ofMinutes(4);

  /** The interval between log lines about progress. */
  private static final Duration TELL = Duration.ofSeconds(5);

  private final Gcs gcs;
  private final PackageStore store;
  private final Clock clock;
  private final Runnable wake;
  private @Nullable Upload running;
  private volatile @Nullable Progress progress;
  private Instant renewed = Instant.MIN;

  private record Upload(Packages packages, String session, CompletableFuture<Outcome> outcome) {}

  /** The progress of a package's upload: how many bytes were sent, and the total. */
  public record Progress(String name, long sent, long size) {}

  /**
   * The result of an upload.
   *
   * @param outcome whether all packages are in the GCS
   */
  public record Finished(Packages packages, String session, Outcome outcome) {}

  public Uploads(Gcs gcs, PackageStore store, Clock clock, Runnable wake) {
    this.gcs = gcs;
    this.store = store;
    this.clock = clock;
    this.wake = wake;
  }

  /**
   * Begins to upload the missing packages and to renew the others, unless an upload is in progress.
   *
   * @param others packages of versions that may have to serve again
   */
  public void begin(Packages packages, Map<String, Path> others, String session) {
    if (running != null) {
      return;
    }
    CompletableFuture<Outcome> outcome = CompletableFuture.completedFuture(Outcome.SUCCEEDED);
    Map<String, Path> files = new LinkedHashMap<>(packages.files());
    files.putAll(others);
    for (Map.Entry<String, Path> file : files.entrySet()) {
      outcome =
          outcome.thenCompose(
              before ->
                  before instanceof Outcome.Succeeded
                      ? ensure(packages, file.getKey(), file.getValue())
                      : CompletableFuture.completedFuture(before));
    }
    running = new Upload(packages, session, outcome.whenComplete((ended, error) -> wake.run()));
  }

  private CompletableFuture<Outcome> ensure(Packages packages, String name, Path file) {
    String uri = "gcs://" + name;
    return gcs.pin(uri, KEPT)
        .thenCompose(pinned -> gcs.exists("", uri))
        .thenCompose(
            there ->
                there
                    ? CompletableFuture.completedFuture(Outcome.SUCCEEDED)
                    : put(packages, name, uri, file)
                        .thenCompose(stored -> gcs.pin(uri, KEPT).thenApply(pinned -> stored)))
        .exceptionally(
            e -> new Outcome.Failed("package %s: GCS %s".formatted(name, GcsFailure.reason(e))));
  }

  private CompletableFuture<Outcome> put(Packages packages, String name, String uri, Path file) {
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
    } catch (ConfigException e) {
      return CompletableFuture.completedFuture(
          new Outcome.Failed(
              "the package %s cannot be made again: %s".formatted(name, e.getMessage())));
    } catch (IOException e) {
      LOG.debug("package {}", name, e);
      return CompletableFuture.completedFuture(
          new Outcome.Failed("the package %s cannot be read from the cache".formatted(file)));
    }
  }

  /** Returns whether an upload is in progress. */
  public boolean running() {
    return running != null;
  }

  /** Returns the progress of the current upload; null if there is none. */
  public @Nullable Progress progress() {
    return running == null ? null : progress;
  }

  /** Returns the result of an upload that has ended since the last call; empty if none has. */
  public Optional<Finished> collect() {
    if (running == null || !running.outcome().isDone()) {
      return Optional.empty();
    }
    Upload done = running;
    running = null;
    progress = null;
    Outcome outcome = done.outcome().join();
    if (outcome instanceof Outcome.Succeeded) {
      renewed = clock.instant();
    }
    return Optional.of(new Finished(done.packages(), done.session(), outcome));
  }

  /** Returns whether the packages must be renewed before the cluster drops them. */
  public boolean due() {
    return running == null
        && (renewed.equals(Instant.MIN) || clock.instant().isAfter(renewed.plus(RENEW)));
  }
}
