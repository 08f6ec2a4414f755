package ai.seedcore.serve.door;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Measures what the event loop spends on a response: reading it, compressing it, writing it to its
 * client. One stands first on each connection to a proxy, for the client that it is used for.
 */
final class UpstreamTime extends ChannelInboundHandlerAdapter {

  private static final String NAME = "time";

  private final Pace pace;
  private Client client;

  private UpstreamTime(Pace pace, Client client) {
    this.pace = pace;
    this.client = client;
  }

  /** Charges a client for what is spent on a connection from now on. */
  static void charge(Channel connection, Pace pace, Client client) {
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
    long charged = payer.charged;
    long began = System.nanoTime();
    context.fireChannelRead(data);
    pace.rest(payer, began, charged);
  }
}
