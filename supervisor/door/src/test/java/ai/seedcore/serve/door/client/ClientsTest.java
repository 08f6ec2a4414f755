package ai.seedcore.serve.door.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Tests who counts as the same client. */
class ClientsTest {

  private final Clients clients = new Clients(List.of());

  @Test
  void isTheSameWhileItHasConnectionsOrRequests() {
    Client client = clients.named("10.0.0.1");
    clients.retain(client);
    clients.retain(client);
    clients.release(client);
    assertThat(clients.named("10.0.0.1")).isSameAs(client);
    clients.release(client);
    assertThat(clients.named("10.0.0.1")).isNotSameAs(client);
  }

  @Test
  void isTheSameWhileItOwesTime() {
    Client client = clients.named("10.0.0.1");
    clients.retain(client);
    client.blockedUntil = System.nanoTime() + TimeUnit.HOURS.toNanos(1);
    clients.release(client);
    clients.sweep(System.nanoTime());
    assertThat(clients.named("10.0.0.1")).isSameAs(client);
    clients.sweep(client.blockedUntil);
    assertThat(clients.named("10.0.0.1")).isNotSameAs(client);
  }

  @Test
  void takesAnIpv6NetworkForOneClient() {
    assertThat(clients.named("2001:db8:1:2::7")).isSameAs(clients.named("2001:db8:1:2:3:4:5:6"));
    assertThat(clients.named("2001:db8:1:2::7")).isNotSameAs(clients.named("2001:db8:1:3::7"));
  }
}
