package ai.seedcore.serve.daemon.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.hamcrest.Matchers;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class HandoverTest {

  @TempDir Path folder;
  private final AtomicInteger asked = new AtomicInteger();
  private Path socket;

  @BeforeEach
  void name() {
    socket = Handover.socket(folder, HostPort.parse("127.0.0.1:8090"));
  }

  private Handover offer() {
    return offer(socket, Duration.ZERO);
  }

  private Handover offer(Path at, Duration quiet) {
    return new Handover(at, Duration.ofSeconds(60), quiet, asked::incrementAndGet);
  }

  @Test
  void takesOverOnceTheOtherHasLeft() throws Exception {
    try (Handover offer = offer()) {
      Predecessor found = Predecessor.find(socket).orElseThrow();
      assertThat(found.pid()).isEqualTo(ProcessHandle.current().pid());
      assertThat(found.watchdog()).isEqualTo(Duration.ofSeconds(60));
      assertThat(offer.isAsked()).isFalse();
      assertThat(Files.getPosixFilePermissions(socket))
          .containsExactlyInAnyOrder(
              PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
      found.ask();
      await().untilAtomic(asked, Matchers.is(1));
      assertThat(offer.isAsked()).isTrue();
      CompletableFuture<Boolean> replaced = CompletableFuture.supplyAsync(offer::leave);
      assertThat(found.awaitLeft()).isTrue();
      assertThat(replaced).isNotDone();
      found.taken();
      assertThat(replaced.join()).isTrue();
    }
    // It is the successor's, which has made its own offer at that path meanwhile.
    assertThat(socket).exists();
    try (Handover next = offer()) {
      assertThat(Predecessor.find(socket)).isPresent();
      assertThat(next.isAsked()).isFalse();
    }
    assertThat(socket).doesNotExist();
  }

  @Test
  void findsNothingWhereNoDaemonRuns() throws Exception {
    assertThat(Predecessor.find(socket)).isEmpty();
    ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    killed.bind(UnixDomainSocketAddress.of(socket));
    killed.close(); // Leaves its file, like a daemon that was killed.
    assertThat(socket).exists();
    assertThat(Predecessor.find(socket)).isEmpty();
    try (Handover offer = offer()) {
      assertThat(Predecessor.find(socket)).isPresent();
      assertThat(offer.isAsked()).isFalse();
    }
  }

  @Test
  void onlyOneTakesOver() {
    try (Handover offer = offer()) {
      Predecessor first = Predecessor.find(socket).orElseThrow();
      Predecessor second = Predecessor.find(socket).orElseThrow();
      first.ask();
      assertThatThrownBy(second::ask)
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("which another process replaces now");
      CompletableFuture<Boolean> replaced = CompletableFuture.supplyAsync(offer::leave);
      assertThat(first.awaitLeft()).isTrue();
      first.taken();
      assertThat(replaced.join()).isTrue();
      assertThat(asked).hasValue(1);
    }
  }

  @Test
  void goesOnIfTheOtherEndsBeforeItHasThePlace() throws Exception {
    try (Handover offer = offer()) {
      try (SocketChannel dying = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
        Handover.write(dying, Handover.ASKS);
        await().until(offer::isAsked);
      }
      assertThat(offer.leave()).isFalse();
      assertThat(offer.isAsked()).isFalse();
      // Another one can ask.
      Predecessor next = Predecessor.find(socket).orElseThrow();
      next.ask();
      CompletableFuture<Boolean> replaced = CompletableFuture.supplyAsync(offer::leave);
      assertThat(next.awaitLeft()).isTrue();
      next.taken();
      assertThat(replaced.join()).isTrue();
    }
  }

  @Test
  void whoHasJustTakenOverIsNotReplacedAtOnce() {
    long start = System.nanoTime();
    try (Handover offer = offer(socket, Duration.ofSeconds(2))) {
      assertThat(Predecessor.find(socket)).isPresent();
      assertThat(System.nanoTime() - start).isGreaterThan(Duration.ofSeconds(2).toNanos());
      assertThat(offer.isAsked()).isFalse();
    }
  }

  @Test
  void whoeverLooksOrTalksNonsenseChangesNothing() throws Exception {
    try (Handover offer = offer()) {
      assertThat(Predecessor.find(socket)).isPresent();
      try (SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
        Handover.write(other, "take over!");
        assertThat(Handover.reader(other).lines()).hasSize(1); // The offer, then the end.
      }
      assertThat(offer.isAsked()).isFalse();
      assertThat(asked).hasValue(0);
    }
  }

  @Test
  void daemonThatIsStuckIsNamed() throws Exception {
    try (ServerSocketChannel stuck = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      stuck.bind(UnixDomainSocketAddress.of(socket));
      assertThatThrownBy(() -> Predecessor.find(socket))
          .isInstanceOf(ConfigException.class)
          .hasMessageStartingWith("take_over: found a daemon that does not answer");
    }
  }

  @Test
  void placeIsFreeIfTheOtherDies() throws Exception {
    try (ServerSocketChannel dying = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dying.bind(UnixDomainSocketAddress.of(socket));
      CompletableFuture<Boolean> left =
          CompletableFuture.supplyAsync(
              () -> {
                Predecessor found = Predecessor.find(socket).orElseThrow();
                found.ask();
                return found.awaitLeft();
              });
      try (SocketChannel with = dying.accept()) {
        Handover.write(with, Handover.NAME + "1 0");
        assertThat(Handover.reader(with).readLine()).isEqualTo(Handover.ASKS);
        Handover.write(with, Handover.ACCEPTED);
      }
      assertThat(left.join()).isTrue();
    }
  }

  @Test
  void pathThatIsTooLongForSocketEndsNothing() throws Exception {
    Path deep = Files.createDirectories(folder.resolve("a".repeat(120)));
    try (Handover offer = offer(deep.resolve("x.sock"), Duration.ZERO)) {
      assertThat(offer.isAsked()).isFalse();
      assertThat(Predecessor.find(deep.resolve("x.sock"))).isEmpty();
    }
  }
}
