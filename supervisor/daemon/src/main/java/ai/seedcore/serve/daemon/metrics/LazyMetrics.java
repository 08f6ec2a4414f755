package ai.seedcore.serve.daemon.metrics;

import ai.seedcore.serve.daemon.notify.Notifier;
import ai.seedcore.serve.daemon.report.Status;
import org.jspecify.annotations.Nullable;

/**
 * Creates {@link Metrics} at the first scrape, so a daemon that nobody scrapes saves their 3 MB.
 * Only probes before the first scrape are lost, because the control loop counts everything else.
 */
public final class LazyMetrics implements AutoCloseable {

  private final String version;
  private final String rayVersion;
  private @Nullable Metrics delegate;
  private @Nullable Status last;

  /** Creates metrics for a daemon that has not looked yet. */
  public LazyMetrics(String version, String rayVersion) {
    this.version = version;
    this.rayVersion = rayVersion;
  }

  /**
   * Returns the metrics. Only their creation holds the lock, so the control loop waits for it once
   * and never for a scrape.
   */
  private synchronized Metrics delegate() {
    if (delegate == null) {
      delegate = new Metrics(version, rayVersion);
      if (last != null) {
        delegate.publish(last);
      }
    }
    return delegate;
  }

  /** Receives the status of one lap. */
  public synchronized void publish(Status now) {
    last = now;
    if (delegate != null) {
      delegate.publish(now);
    }
  }

  /** Counts the outcome of a notification. */
  public void notified(Notifier.Outcome outcome) {
    delegate().notified(outcome);
  }

  /** Returns all metrics in a content type of Prometheus' formats. */
  public String scrape(String type) {
    return delegate().scrape(type);
  }

  @Override
  public synchronized void close() {
    if (delegate != null) {
      delegate.close();
    }
  }
}
