package ai.seedcore.serve.daemon.direct;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReplicaDirectoryTest {

  /** DirectPathTest of the agent expects the same ports. */
  @Test
  void derivesPortsFromTheWorkersPort() {
    assertThat(ReplicaDirectory.ports(10_002)).containsExactly(20_002, 22_502, 25_002, 27_502);
    assertThat(ReplicaDirectory.ports(19_999)).containsExactly(29_999, 22_499, 24_999, 27_499);
    assertThat(ReplicaDirectory.ports(40_123)).containsExactly(20_123, 22_623, 25_123, 27_623);
  }
}
