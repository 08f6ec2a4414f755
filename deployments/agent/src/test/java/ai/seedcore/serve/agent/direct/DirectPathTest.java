package ai.seedcore.serve.agent.direct;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DirectPathTest {

  /** ReplicaDirectoryTest of the daemon expects the same ports. */
  @Test
  void derivesPortsFromTheWorkersPort() {
    assertThat(DirectPath.ports(10_002)).containsExactly(20_002, 22_502, 25_002, 27_502);
    assertThat(DirectPath.ports(19_999)).containsExactly(29_999, 22_499, 24_999, 27_499);
    assertThat(DirectPath.ports(40_123)).containsExactly(20_123, 22_623, 25_123, 27_623);
  }

  /** The HMAC-SHA-256 of RFC 4231's second test case. */
  @Test
  void computesProofsAsTheStandardDoes() {
    assertThat(Proof.of("Jefe", "what do ya want for nothing?"))
        .isEqualTo("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
}
