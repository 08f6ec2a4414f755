package ai.seedcore.serve.door.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tests how long a client may take to send and to read. */
class ConnectionTest {

  private final Vertx vertx = Vertx.vertx();
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final long now = System.nanoTime();
  private Http1Connection connection;

  @BeforeEach
  void connect() {
    channel.pipeline().addLast("httpDecoder", new ChannelInboundHandlerAdapter());
    Clients clients = new Clients(List.of());
    Room room = new Room(1 << 20);
    Pace pace = new Pace(vertx, vertx.getOrCreateContext());
    Connections all =
        new Connections(
            10, Duration.ofSeconds(75), Duration.ofSeconds(10), clients, room, pace, code -> {});
    connection = new Http1Connection(all, null, channel, clients.named("127.0.0.1"));
  }

  @AfterEach
  void close() {
    channel.finishAndReleaseAll();
    vertx.close();
  }

  private static long seconds(double seconds) {
    return Math.round(seconds * 1e9);
  }

  @Test
  void mustSendABodyWithoutLongPausesAndInAMinute() {
    connection.requestStarted(1_000, false, now);
    assertThat(connection.isPastDeadline(now + seconds(9.9))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(10))).isTrue();
    for (int i = 5; i < 60; i += 5) {
      connection.deadlines().bodyProgressed(now + seconds(i));
    }
    assertThat(connection.isPastDeadline(now + seconds(59.9))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(60))).isTrue();
  }

  @Test
  void mayStreamABodyForAnyTime() {
    connection.requestStarted(Long.MAX_VALUE, false, now);
    connection.deadlines().bodyStreams(now);
    for (int i = 5; i < 3_600; i += 5) {
      connection.deadlines().bodyProgressed(now + seconds(i));
    }
    assertThat(connection.isPastDeadline(now + seconds(3_600))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(3_610))).isTrue();
  }

  @Test
  void discardsAnUnwantedBodyForAWhile() {
    long turn = connection.requestStarted(Long.MAX_VALUE, true, now);
    connection.responseWritten(turn, now);
    assertThat(connection.isPastDeadline(now + seconds(4.9))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(5))).isTrue();
    for (int i = 4; i < 30; i += 4) {
      connection.discarded(now + seconds(i));
    }
    assertThat(connection.isPastDeadline(now + seconds(29.9))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(30))).isTrue();
  }

  @Test
  void mustReadItsResponseInAMinuteWhateverItSends() {
    connection.requestStarted(Long.MAX_VALUE, false, now);
    connection.deadlines().bodyStreams(now);
    connection.deadlines().readStarted(now);
    for (int i = 5; i < 60; i += 5) {
      connection.deadlines().bodyProgressed(now + seconds(i));
    }
    assertThat(connection.isPastDeadline(now + seconds(59.9))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(60))).isTrue();
    connection.deadlines().clear(now + seconds(59)); // The whole body has arrived.
    assertThat(connection.isPastDeadline(now + seconds(60))).isTrue();
    connection.deadlines().readEnded(now + seconds(59));
    assertThat(connection.isPastDeadline(now + Duration.ofDays(1).toNanos())).isFalse();
  }

  @Test
  void mayWaitFiveMinutesForAResponseAfterItHasEndedItsInput() {
    connection.requestStarted(0, false, now);
    connection.deadlines().clear(now);
    connection.setCurrent(
        new Connection.Current() {
          @Override
          public boolean awaitsResponse() {
            return true;
          }

          @Override
          public boolean isResponding() {
            return false;
          }
        });
    assertThat(connection.isPastDeadline(now + Duration.ofHours(1).toNanos())).isFalse();
    assertThat(connection.inputEnded()).isTrue();
    assertThat(connection.isPastDeadline(now + seconds(299))).isFalse();
    assertThat(connection.isPastDeadline(now + seconds(330))).isTrue();
  }
}
