package ai.seedcore.serve.daemon.act;

import ai.seedcore.serve.daemon.observe.Dashboard;
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
import org.jspecify.annotations.Nullable;

/**
 * Puts packages where the cluster's nodes fetch them, and keeps them there. A small one goes to the
 * GCS itself, which is there seconds before the dashboard; a large one is streamed through the
 * dashboard, so that it need not fit into our memory. Never waits; used by the control thread.
 */
final class Uploads {

  /** What Ray itself gives a package that nothing uses; there is no need to be kept for longer. */
  private static final Duration KEPT = Duration.ofMinutes(10);

  private static final Duration RENEW = Duration.ofMinutes(4);

  private static final long SMALL = 4L << 20;

  private final Gcs gcs;
  private final Dashboard dashboard;
  private final Clock clock;
  private final Runnable wake;
  private @Nullable Upload running;
  private Instant renewed = Instant.MIN;

  private record Upload(Packages packages, String session, CompletableFuture<String> trouble) {}

  /**
   * What came of an upload.
   *
   * @param trouble why not all packages are there; empty where they are
   */
  record Finished(Packages packages, String session, String trouble) {}

  Uploads(Gcs gcs, Dashboard dashboard, Clock clock, Runnable wake) {
    this.gcs = gcs;
    this.dashboard = dashboard;
    this.clock = clock;
    this.wake = wake;
  }

  /** Begins to put there what is not there, unless that is under way. */
  void begin(Packages packages, String session) {
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
      return Files.size(file) <= SMALL
          ? gcs.put("", uri, Files.readAllBytes(file), true).thenApply(added -> "")
          : dashboard.upload(name, file);
    } catch (IOException e) {
      return CompletableFuture.completedFuture(e.toString());
    }
  }

  /** What has come to an end since it was asked last. */
  Optional<Finished> collect() {
    if (running == null || !running.trouble().isDone()) {
      return Optional.empty();
    }
    Upload done = running;
    running = null;
    String trouble = done.trouble().join();
    if (trouble.isEmpty()) {
      renewed = clock.instant();
    }
    return Optional.of(new Finished(done.packages(), done.session(), trouble));
  }

  /** Whether the cluster would soon drop what nothing uses. */
  boolean due() {
    return running == null
        && (renewed.equals(Instant.MIN) || clock.instant().isAfter(renewed.plus(RENEW)));
  }
}
