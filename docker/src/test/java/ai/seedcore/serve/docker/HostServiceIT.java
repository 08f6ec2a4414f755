package ai.seedcore.serve.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Installs the daemon as a systemd service next to a Ray node, on a host that is a container. */
@Tag("cluster")
@Tag("containers")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HostServiceIT {

  private static final String HOST = "seedcore-test-host";
  private static final String IMAGE = "localhost/seedcore-test/systemd";
  private static String engine = "";

  @BeforeAll
  static void boot() {
    String name = Shell.engine();
    Shell.script("start-cluster.sh", "down").orFail();
    Shell.library(Map.of(), "build_image").orFail();
    String dockerfile =
        "FROM localhost/seedcore/ray:0.1.0\\nUSER root\\nRUN apt-get update -qq &&"
            + " DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
            + " systemd\\nENTRYPOINT []\\nCMD [\"/lib/systemd/systemd\"]";
    Shell.library(
            Map.of(),
            "printf '"
                + dockerfile
                + "' | engine build ${SEEDCORE_BUILD_OPTIONS:-} -t "
                + IMAGE
                + " -")
        .orFail();
    engine = name;
    Shell.run(engine, "rm", "-f", "-t", "0", HOST);
    Shell.run(
            engine,
            "run",
            "-d",
            "--name",
            HOST,
            "--systemd=always",
            "--pids-limit=16384",
            "--shm-size=512m",
            IMAGE)
        .orFail();
    await().until(() -> on("systemctl is-system-running").output().contains("running"));
    on("systemd-run -q --unit=ray-head --uid=ray --setenv=HOME=/home/ray --setenv=RAY_HEAD_CPUS=1"
            + " --setenv=PATH=$PATH --setenv=JAVA_HOME=$JAVA_HOME -p TasksMax=16384"
            + " -p Restart=always -p TimeoutStopSec=1 start-ray-with-serve.sh")
        .orFail();
    await().until(() -> on("test -e /tmp/ray/session_latest").code() == 0);
  }

  @AfterAll
  static void end() {
    if (!engine.isEmpty()) {
      Shell.run(engine, "rm", "-f", "-t", "0", HOST);
    }
  }

  @Test
  @Order(1)
  void installedServiceRunsAsRayUserAndServes() {
    on("java -jar /opt/seedcore/seedcore-serve.jar service install").orFail();
    awaitServed();
    assertThat(show("ActiveState", "User")).contains("ActiveState=active", "User=ray");
    await()
        .until(() -> show("StatusText").equals("StatusText=SERVING: all declared routes answer"));
    assertThat(on("systemd-analyze verify --man=no seedcore-serve.service").orFail()).isEmpty();
    assertThat(on("systemd-analyze security --no-pager seedcore-serve").orFail())
        .containsPattern("Overall exposure level for seedcore-serve.service: [0-3]\\.");
  }

  @Test
  @Order(2)
  void reloadReplacesDaemonAndRefusesNoConnection() {
    on("echo 'front_door: 127.0.0.1:8002' > /etc/seedcore/seedcore-serve.yaml && echo"
            + " SEEDCORE_JVM_OPTIONS=@/opt/seedcore/door.options >> /etc/seedcore/environment &&"
            + " systemctl restart seedcore-serve")
        .orFail();
    awaitServed();
    String before = show("MainPID");
    // Until the file is removed: a new connection each time.
    on("touch /tmp/load && systemd-run -q --unit=load sh -c 'while test -e /tmp/load; do curl -s -m 20"
            + " -o /dev/null -w \"%{http_code}\\n\" -d \"{}\" localhost:8002/SalienceScorer >>"
            + " /tmp/codes; done'")
        .orFail();
    await().until(() -> on("test $(wc -l < /tmp/codes) -gt 20").code() == 0);
    on("systemctl reload seedcore-serve").orFail();
    await().until(() -> !show("MainPID").equals(before));
    String next = show("MainPID");
    String old = before.replace("MainPID=", "");
    await().atMost(Duration.ofSeconds(60)).until(() -> on("kill -0 " + old).code() != 0);
    awaitServed();
    on("rm /tmp/load").orFail();
    assertThat(on("sort -u /tmp/codes").orFail()).isEqualTo("422");
    assertThat(show("MainPID", "NRestarts", "ActiveState"))
        .contains(next, "NRestarts=0", "ActiveState=active");

    // An invalid file changes nothing.
    on("echo 'serve_port: x' >> /etc/seedcore/seedcore-serve.yaml").orFail();
    assertThat(on("systemctl reload seedcore-serve").code()).isNotZero();
    assertThat(show("MainPID", "ActiveState")).contains(next, "ActiveState=active");
    on("echo 'deployments: []' > /etc/seedcore/seedcore-serve.yaml").orFail();

    // The same by the installer, to another process again.
    assertThat(on("java -jar /opt/seedcore/seedcore-serve.jar service install").orFail())
        .contains("replaced the daemon, without refusing a connection");
    assertThat(show("MainPID")).isNotEqualTo(next);
    awaitServed();
  }

  @Test
  @Order(3)
  void watchdogRestartsHangingDaemon() {
    on("mkdir -p /run/systemd/system/seedcore-serve.service.d && printf"
            + " '[Service]\\nWatchdogSec=5\\nTimeoutStopSec=2\\n'"
            + " > /run/systemd/system/seedcore-serve.service.d/short.conf && systemctl"
            + " daemon-reload && systemctl restart seedcore-serve")
        .orFail();
    awaitServed();
    String before = show("MainPID");
    on("systemctl reload seedcore-serve").orFail();
    await().until(() -> !show("MainPID").equals(before));
    awaitServed();
    // The daemon that took over tells the watchdog that it is alive.
    await()
        .during(Duration.ofSeconds(8))
        .atMost(Duration.ofSeconds(20))
        .until(() -> show("NRestarts").equals("NRestarts=0"));
    on("systemctl kill -s STOP --kill-who=main seedcore-serve").orFail();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> show("NRestarts", "SubState").equals("NRestarts=1\nSubState=running"));
    assertThat(on("journalctl -u seedcore-serve --no-pager").orFail()).contains("Watchdog timeout");
    awaitServed();
  }

  @Test
  @Order(4)
  void servesAfterHeadRestart() {
    on("systemctl restart ray-head").orFail();
    await().until(() -> on("curl -sf -m 2 localhost:8090/readyz").code() != 0);
    awaitServed();
  }

  @Test
  @Order(5)
  void invalidConfigurationIsNotRetried() {
    on("echo 'serve_port: x' > /etc/seedcore/seedcore-serve.yaml").orFail();
    assertThat(on("systemctl restart seedcore-serve").code()).isNotZero();
    assertThat(show("Result", "ExecMainStatus")).contains("Result=exit-code", "ExecMainStatus=2");
    assertThat(show("ActiveState")).isEqualTo("ActiveState=failed");
    assertThat(on("journalctl -u seedcore-serve --no-pager").orFail())
        .contains("seedcore-serve.yaml: serve_port");
    assertThat(on("seedcore-serve service uninstall").orFail())
        .contains("removed /etc/systemd/system/seedcore-serve.service");
    assertThat(on("systemctl cat seedcore-serve").code()).isNotZero();
    assertThat(on("ls /etc/seedcore").orFail()).contains("seedcore-serve.yaml");
  }

  private static void awaitServed() {
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> on("curl -sf -m 2 localhost:8090/readyz").code() == 0);
  }

  private static String show(String... properties) {
    return on("systemctl show seedcore-serve -p " + String.join(" -p ", properties)).orFail();
  }

  private static Shell.Result on(String line) {
    return Shell.run(engine, "exec", HOST, "sh", "-c", line);
  }
}
