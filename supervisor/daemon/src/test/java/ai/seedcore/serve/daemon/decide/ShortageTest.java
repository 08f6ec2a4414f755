package ai.seedcore.serve.daemon.decide;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.observe.Capacity;
import ai.seedcore.serve.daemon.observe.Orphan;
import ai.seedcore.serve.protocol.Application;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a replica that does not start lacks, and who holds it. */
class ShortageTest {

  private static final Duration AGE = Duration.ofSeconds(75);

  @Test
  void whatIsMissingIsNamedWithThoseWhoHoldIt() {
    Capacity capacity =
        new Capacity(
            List.of(
                new Capacity.Node("10.0.0.1", Map.of("CPU", 4.0), Map.of("CPU", 0.5)),
                new Capacity.Node("10.0.0.2", Map.of("CPU", 2.0), Map.of("CPU", 1.75))),
            List.of(
                new Capacity.Holder("trainer", Map.of("CPU", 1.0)),
                new Capacity.Holder("SERVE_REPLICA::A#A#old", Map.of("CPU", 2.5)),
                new Capacity.Holder("idle", Map.of())));
    Orphan orphan =
        new Orphan("id", "SERVE_REPLICA::A#A#old", "A", 1, "10.0.0.1", Map.of("CPU", 2.5), AGE);
    assertThat(
            Shortage.explain(
                application(Map.of("num_cpus", 2.0)), 0, AGE, capacity, List.of(orphan)))
        .isEqualTo(
            " for 75 s: a replica needs 2 CPUs, no node has more than 1.75 CPUs free (the largest has 4"
                + " CPUs in total); held by SERVE_REPLICA::A#A#old 2.5 CPUs (Serve no longer lists it; the"
                + " daemon will kill it), trainer 1 CPUs");
  }

  @Test
  void acceleratorsAndCustomResourcesAreNamed() {
    Capacity capacity =
        new Capacity(
            List.of(
                new Capacity.Node(
                    "n", Map.of("CPU", 4.0, "GPU", 1.0), Map.of("CPU", 4.0, "GPU", 0.25))),
            List.of());
    assertThat(
            Shortage.explain(
                application(
                    Map.of(
                        "num_cpus",
                        1.0,
                        "num_gpus",
                        0.5,
                        "resources",
                        Map.of("accelerator_type:T4", 0.001))),
                0,
                AGE,
                capacity,
                List.of()))
        .contains("a replica needs 0.5 GPU, no node has more than 0.25 GPU free")
        .contains("a replica needs 0.001 accelerator_type:T4, no node has more than 0");
  }

  @Test
  void memoryIsToldInMebibytes() {
    Capacity capacity =
        new Capacity(
            List.of(
                new Capacity.Node(
                    "n", Map.of("CPU", 4.0, "memory", 1e9), Map.of("CPU", 4.0, "memory", 5e8))),
            List.of());
    assertThat(
            Shortage.explain(
                application(Map.of("num_cpus", 1.0, "memory", 2L << 30)),
                0,
                AGE,
                capacity,
                List.of()))
        .contains(
            "a replica needs 2048 MiB of memory, no node has more than 477 MiB of memory free")
        .endsWith("no actor holds any: add a node that has it, or request less");
  }

  @Test
  void whereNothingIsMissingThatIsSaid() {
    Capacity capacity =
        new Capacity(
            List.of(new Capacity.Node("n", Map.of("CPU", 4.0), Map.of("CPU", 4.0))), List.of());
    assertThat(Shortage.explain(application(Map.of("num_cpus", 1.0)), 1, AGE, capacity, List.of()))
        .contains("the nodes have enough resources; 1 replicas run");
  }

  @Test
  void whatOneNodeHasNotAllOfIsSaid() {
    Capacity capacity =
        new Capacity(
            List.of(
                new Capacity.Node("a", Map.of(), Map.of("CPU", 4.0, "memory", 1e6)),
                new Capacity.Node("b", Map.of(), Map.of("CPU", 0.5, "memory", 8e9))),
            List.of());
    assertThat(
            Shortage.explain(
                application(Map.of("num_cpus", 1.0, "memory", 1e9)), 0, AGE, capacity, List.of()))
        .contains("no single node has all resources free that a replica needs");
    assertThat(
            Shortage.explain(
                application(Map.of("num_cpus", 1.0)), 0, AGE, Capacity.UNKNOWN, List.of()))
        .contains("free resources of the nodes are unknown");
  }

  private static Application application(Map<String, Object> options) {
    return new Application(
        "A",
        "C",
        "/A",
        "v1",
        1,
        null,
        100,
        "[]",
        "{}",
        new Application.Lifecycle(5, 10, 2, 20),
        options);
  }
}
