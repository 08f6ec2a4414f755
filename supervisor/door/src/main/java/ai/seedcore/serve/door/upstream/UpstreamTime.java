package ai.seedcore.serve.door.upstream;

import ai.seedcore.serve.door.client.Client;
import ai.seedcore.serve.door.client.Pace;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Measures the event loop's time for a response: reading, compressing and writing it. Each upstream
 * connection has one of these handlers at the head of its pipeline. It charges the client that uses
 * the connection.
 */
public final class UpstreamTime extends ChannelInboundHandlerAdapter {

  private static final String NAME = "time";

  private final Pace pace;
  private Client client;

  private UpstreamTime(Pace pace, Client client) {
    this.pace = pace;
    this.client = client;
  }

  /** Sets the client that is charged for a connection from now on. */
  public static void charge(Channel connection, Pace pace, Client client) {
    UpstreamTime known = connection.pipeline().get(UpstreamTime.class);
    if (known == null) {
      connection.pipeline().addFirst(NAME, new UpstreamTime(pace, client));
    } else {
      known.client = client;
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object data) {
    Client payer = client;
    long charged = payer.charged();
    long began = System.nanoTime();
    context.fireChannelRead(data);
    pace.chargeRest(payer, began, charged);
  }
}
