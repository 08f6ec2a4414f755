package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import tools.jackson.databind.JsonNode;

/**
 * What befalls the network between the daemon, which has a Ray node of its own there, and the head:
 * each on a host of its own.
 */
@Tag("cluster")
@Tag("long")
class NetworkFaultsIT {

  private static final String STATUS = Network.DAEMON + ":28090";

  private final Path folder = Machine.temporaryFolder();
  private Network network;
  private RayCluster cluster;
  private DaemonProcess daemon;

  @BeforeEach
  void start() {
    Tools.needNamespaces();
    Tools.path("iptables");
    network = new Network();
    cluster = new RayCluster(Network.HEAD, Network.onHead()).start();
  }

  @AfterEach
  void end() {
    if (daemon != null) {
      daemon.close();
    }
    if (cluster != null) {
      cluster.close();
      network.close();
    }
    Machine.delete(folder);
  }

  private void startDaemon(String head) {
    List<String> arguments =
        List.of(
            "--join",
            "--address=" + head + ":26380",
            "--dashboard=http://" + head + ":28265",
            "--serve-url=http://" + head + ":" + RayCluster.SERVE_PORT,
            "--status=" + STATUS,
            "--cache=/tmp/cache");
    daemon =
        DaemonProcess.start(
            folder,
            Network.onDaemon(),
            Map.of("SEEDCORE_STATUS_TOKEN", "a-token-of-the-networks-tests"),
            arguments.toArray(new String[0]));
  }

  @Fault(
      value = "network between daemon and head cut for 20 s, both ways",
      expected = "noticed after 6 s of silence; what is served is not touched, also not afterwards")
  void cut(Row row) {
    startDaemon(Network.HEAD);
    row.on(daemon, cluster.routes()).fault(network::cut);
    aCut(row);
  }

  @Fault(value = "the same, but only what the head sends is lost", expected = "the same")
  void cutOneWay(Row row) {
    startDaemon(Network.HEAD);
    row.on(daemon, cluster.routes()).fault(network::cutOneWay);
    aCut(row);
  }

  private void aCut(Row row) {
    row.noticed();
    assertThat(daemon.reason()).contains("does not answer in time");
    Machine.pass(Duration.ofSeconds(12));
    network.heal();
    row.possible();
    row.serving();
    row.untouchedFor(Duration.ofSeconds(10));
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "5 % of all packets lost, each way, for a minute",
      expected = "no flapping: stays ready, nothing is done")
  void fivePercentLost(Row row) {
    loss(row, 0.05);
  }

  @Fault(value = "20 % of all packets lost, each way, for a minute", expected = "the same")
  void twentyPercentLost(Row row) {
    loss(row, 0.2);
  }

  private void loss(Row row, double share) {
    startDaemon(Network.HEAD);
    row.on(daemon, cluster.routes()).fault(() -> network.lose(share));
    int events = daemon.status().path("past").path("events").size();
    row.untouchedFor(Duration.ofMinutes(1));
    List<String> phases = new ArrayList<>();
    JsonNode all = daemon.status().path("past").path("events");
    for (int i = events; i < all.size(); i++) {
      phases.add(all.get(i).path("phase").asString());
    }
    network.heal();
    assertThat(daemon.ready()).isTrue();
    row.note("changes of state meanwhile: " + phases.size());
    assertThat(phases).isEmpty();
    assertThat(row.failed()).isZero();
  }

  @Fault(
      value = "the head comes back at another address, and its name now says so",
      expected = "found under its name; our node joins it; three applications submitted")
  void nameOfANewAddress(Row row) {
    network.names(Network.HEAD + " ray_head\n");
    startDaemon("ray_head");
    row.on(daemon, cluster.routes()).fault(cluster::kill);
    row.noticed();
    cluster = new RayCluster(Network.NEW_HEAD, Network.onHead());
    cluster.comeBack();
    network.names(Network.NEW_HEAD + " ray_head\n");
    row.moved(cluster.routes());
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "the head's name does not resolve at the start",
      expected = "waits with that reason; the name resolves: serves")
  void nameThatDoesNotResolve(Row row) {
    row.fault(() -> startDaemon("head.test"));
    row.watch(daemon);
    daemon.awaitReason("WAITING", "has a name that does not resolve");
    row.noticedOnce(() -> true);
    network.names(Network.HEAD + " head.test\n");
    row.moved(cluster.routes());
    row.possible();
    row.serving();
    assertThat(row.deploys()).isEqualTo(3);
  }

  @Fault(
      value = "our own raylet killed (--join)",
      expected = "the node is started again; what is served is not touched")
  void ownRayletKilled(Row row) {
    startDaemon(Network.HEAD);
    row.on(daemon, cluster.routes());
    List<ProcessHandle> ours = Machine.marked("SEEDCORE_NODE=WORKER:" + Network.HEAD + ":26380");
    ProcessHandle raylet =
        ours.stream()
            .filter(process -> Machine.commandLine(process).contains("/raylet/raylet "))
            .findFirst()
            .orElseThrow();
    row.fault(raylet::destroyForcibly);
    row.noticedOnce(() -> daemon.reason().contains("the daemon's Ray node"));
    await().atMost(Duration.ofSeconds(60)).until(() -> daemon.phase().equals("SERVING"));
    row.serving();
    row.untouchedFor(Duration.ofSeconds(5));
    assertThat(row.failed()).isZero();
    await().atMost(Duration.ofSeconds(10)).until(() -> Machine.zombies(daemon.pid()) == 0);
  }
}
