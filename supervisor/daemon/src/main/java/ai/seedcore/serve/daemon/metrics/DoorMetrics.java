package ai.seedcore.serve.daemon.metrics;

import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.Histogram;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Exemplar;
import io.prometheus.metrics.model.snapshots.Exemplars;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The front door's histograms, and what burn-rate alerts need of the objectives. The door has
 * counted them already, which Micrometer's own histograms cannot take over.
 */
final class DoorMetrics implements MultiCollector {

  private volatile @Nullable Status now;

  /** Receives the status of one lap. */
  void publish(Status status) {
    now = status;
  }

  @Override
  public MetricSnapshots collect() {
    Status status = now;
    if (status == null || status.door() == null) {
      return new MetricSnapshots();
    }
    DoorStatus door = status.door();
    GaugeSnapshot.Builder targets =
        GaugeSnapshot.builder()
            .name("seedcore_objective_target")
            .help("The share of requests that must meet the objective");
    GaugeSnapshot.Builder budgets =
        GaugeSnapshot.builder()
            .name("seedcore_objective_budget_left")
            .help("The share of the 30-day error budget that is left");
    CounterSnapshot.Builder requests =
        CounterSnapshot.builder()
            .name("seedcore_objective_requests")
            .help("Requests that the objective concerns");
    CounterSnapshot.Builder missed =
        CounterSnapshot.builder()
            .name("seedcore_objective_missed")
            .help("Requests that did not meet the objective");
    for (Status.AppStatus app : status.apps()) {
      for (Status.ObjectiveStatus each : app.objectives()) {
        Labels labels = Labels.of("app", app.name(), "objective", each.name());
        boolean latency = each.withinS() != null;
        DoorStatus.Timing timing = door.timing(app.name()).orElse(null);
        long all = timing == null ? 0 : timing.latency().times();
        long failed = timing == null ? 0 : timing.failed();
        long late = timing == null ? 0 : timing.late();
        targets.dataPoint(gauge(labels, each.target()));
        budgets.dataPoint(gauge(labels, each.budgetLeft()));
        requests.dataPoint(counter(labels, latency ? all - failed : all));
        missed.dataPoint(counter(labels, latency ? late : failed));
      }
    }
    return MetricSnapshots.of(
        histogram(
            door,
            "seedcore_door_latency_seconds",
            "Time from the complete arrival of a request to the beginning of its response",
            DoorStatus.Timing::latency),
        histogram(
            door,
            "seedcore_door_hold_seconds",
            "Time for which a request waited in the front door before it was sent",
            DoorStatus.Timing::hold),
        targets.build(),
        budgets.build(),
        requests.build(),
        missed.build());
  }

  private static GaugeDataPointSnapshot gauge(Labels labels, double value) {
    return GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
  }

  private static CounterDataPointSnapshot counter(Labels labels, long value) {
    return CounterDataPointSnapshot.builder().labels(labels).value((double) value).build();
  }

  private static HistogramSnapshot histogram(
      DoorStatus door, String name, String help, Function<DoorStatus.Timing, Histogram> of) {
    List<Double> bounds = new ArrayList<>(Histogram.BOUNDS);
    bounds.add(Double.POSITIVE_INFINITY);
    HistogramSnapshot.Builder histogram = HistogramSnapshot.builder().name(name).help(help);
    for (DoorStatus.Timing timing : door.timings()) {
      Histogram one = of.apply(timing);
      histogram.dataPoint(
          HistogramDataPointSnapshot.builder()
              .labels(Labels.of("app", timing.app()))
              .classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, one.counts()))
              .sum(one.seconds())
              .exemplars(
                  Exemplars.of(
                      one.exemplars().stream()
                          .filter(Objects::nonNull)
                          .map(DoorMetrics::exemplar)
                          .toList()))
              .build());
    }
    return histogram.build();
  }

  private static Exemplar exemplar(Histogram.Exemplar traced) {
    return Exemplar.builder()
        .traceId(traced.trace())
        .spanId(traced.span())
        .value(traced.seconds())
        .timestampMillis(traced.at())
        .build();
  }
}
