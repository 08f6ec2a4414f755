package ai.seedcore.serve.daemon.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Scanner;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Metrics of the process and its garbage collector, under the names that all Prometheus clients
 * use. Micrometer's own binders use other names. The registry keeps weak references. The caller
 * must retain this binder.
 */
final class ProcessMetrics implements MeterBinder {

  private static final int PAGE = 4096;

  private final List<GarbageCollectorMXBean> collectors =
      ManagementFactory.getGarbageCollectorMXBeans();

  @Override
  public void bindTo(MeterRegistry registry) {
    Gauge.builder("process.resident.memory", ProcessMetrics::residentBytes)
        .baseUnit("bytes")
        .description("Resident memory (RSS)")
        .register(registry);
    Gauge.builder("process.open.fds", ProcessMetrics::openFiles)
        .description("Open files and sockets")
        .register(registry);
    Gauge.builder("process.start.time.seconds", ProcessMetrics::started)
        .description("When the process started, in seconds since 1970")
        .register(registry);
    FunctionCounter.builder("process.cpu.seconds", this, self -> cpuSeconds())
        .description("CPU time used")
        .register(registry);
    collections(
        registry, "jvm.gc.collections", "Garbage collections", bean -> bean.getCollectionCount());
    collections(
        registry,
        "jvm.gc.seconds",
        "Time spent on garbage collection",
        bean -> bean.getCollectionTime() / 1000.0);
  }

  private void collections(
      MeterRegistry registry,
      String name,
      String description,
      ToDoubleFunction<GarbageCollectorMXBean> value) {
    FunctionCounter.builder(name, this, self -> self.collectors.stream().mapToDouble(value).sum())
        .description(description)
        .register(registry);
  }

  private static double residentBytes() {
    try (Scanner pages = new Scanner(Files.readString(Path.of("/proc/self/statm")))) {
      pages.nextLong(); // Skip the size of the address space.
      return (double) pages.nextLong() * PAGE;
    } catch (IOException e) {
      return Double.NaN;
    }
  }

  private static double openFiles() {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    } catch (IOException e) {
      return Double.NaN;
    }
  }

  private static double cpuSeconds() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis()
        / 1000.0;
  }

  private static double started() {
    return ProcessHandle.current()
        .info()
        .startInstant()
        .map(start -> start.toEpochMilli() / 1000.0)
        .orElse(Double.NaN);
  }
}
