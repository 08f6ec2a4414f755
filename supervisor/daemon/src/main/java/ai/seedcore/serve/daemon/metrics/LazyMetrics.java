package ai.seedcore.serve.daemon.metrics;

import ai.seedcore.serve.daemon.notify.Notifier;
import ai.seedcore.serve.daemon.report.Status;
import org.jspecify.annotations.Nullable;

/**
 * {@link Metrics} that are made when somebody asks for them first: a daemon that nobody scrapes
 * does without their 3 MB. Nothing is lost but the probes until then, as all else is counted by the
 * loop.
 */
public final class LazyMetrics implements AutoCloseable {

  private final String version;
  private final String rayVersion;
  private @Nullable Metrics made;
  private @Nullable Status last;

  /** Metrics of a daemon that has not looked yet. */
  public LazyMetrics(String version, String rayVersion) {
    this.version = version;
    this.rayVersion = rayVersion;
  }

  /** Alone under the lock, so that the loop waits for the making, once, and never for a scrape. */
  private synchronized Metrics made() {
    if (made == null) {
      made = new Metrics(version, rayVersion);
      if (last != null) {
        made.publish(last);
      }
    }
    return made;
  }

  /** Takes in one lap of the loop. */
  public synchronized void publish(Status now) {
    last = now;
    if (made != null) {
      made.publish(now);
    }
  }

  /** Counts what came of a notification. */
  public void notified(Notifier.Outcome outcome) {
    made().notified(outcome);
  }

  /** All of them, in Prometheus' text form. */
  public String scrape() {
    return made().scrape();
  }

  @Override
  public synchronized void close() {
    if (made != null) {
      made.close();
    }
  }
}
