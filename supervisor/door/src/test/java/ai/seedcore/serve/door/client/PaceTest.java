package ai.seedcore.serve.door.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Tests how long a client has to wait for the event loop's time. */
class PaceTest {

  private final Vertx vertx = Vertx.vertx();
  private final Context context = vertx.getOrCreateContext();
  private final Pace pace = new Pace(vertx, context);
  private final Client client = new Client("10.0.0.1");
  private final Client other = new Client("10.0.0.2");

  @AfterEach
  void close() {
    vertx.close();
  }

  @Test
  void defersTheWorkOfABlockedClientUntilTheEnd() {
    AtomicInteger rounds = new AtomicInteger();
    long began = System.nanoTime();
    onLoop(
        () -> {
          pace.penalize(client, Duration.ofMillis(300).toNanos());
          pace.defer(rounds::incrementAndGet, client, System.nanoTime());
          return true;
        });
    await().until(() -> rounds.get() == 1);
    assertThat(System.nanoTime() - began).isGreaterThan(Duration.ofMillis(290).toNanos());
  }

  @Test
  void blocksNoClientForLongerThanFiveSeconds() {
    onLoop(
        () -> {
          pace.penalize(client, Duration.ofHours(1).toNanos());
          return true;
        });
    long now = System.nanoTime();
    assertThat(onLoop(() -> pace.allows(client, now))).isFalse();
    assertThat(onLoop(() -> pace.allows(client, now + Duration.ofSeconds(5).toNanos()))).isTrue();
  }

  @Test
  void givesAllTimeToTheOnlyClientThatIsNotBlocked() {
    boolean allowed =
        onLoop(
            () -> {
              pace.penalize(client, Duration.ofSeconds(1).toNanos());
              pace.allows(other, System.nanoTime());
              pace.charge(other, Duration.ofMillis(7).toNanos()); // More than a share.
              pace.allows(client, System.nanoTime());
              return pace.allows(other, System.nanoTime());
            });
    assertThat(allowed).isTrue();
  }

  private <T> T onLoop(Supplier<T> work) {
    CompletableFuture<T> result = new CompletableFuture<>();
    context.runOnContext(nothing -> result.complete(work.get()));
    return result.join();
  }
}
