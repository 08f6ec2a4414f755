package ai.seedcore.serve.base.http;

import ai.seedcore.serve.base.HostPort;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.unix.Buffer;
import io.netty.channel.unix.RawUnixChannelOption;
import io.netty.channel.unix.UnixChannelOption;
import io.vertx.core.impl.transports.EpollTransport;
import io.vertx.core.net.TcpConfig;
import io.vertx.core.transport.Transport;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Linux's transport, with servers that may share their ports with those of another process of the
 * same account. The kernel then gives every new connection to the server that listened last. So a
 * process can replace another one: while the new one accepts connections, the old one finishes what
 * it has.
 *
 * <p>{@code SO_REUSEPORT} alone would distribute new connections among both, and those that the old
 * server has not accepted when it closes would be reset. See {@code socket(7)}.
 */
public final class SharedPorts extends EpollTransport implements Transport {

  private static final Logger LOG = LoggerFactory.getLogger(SharedPorts.class);

  private static final int SOL_SOCKET = 1;
  private static final int SO_ATTACH_REUSEPORT_CBPF = 51;

  /** A {@code struct sock_fprog}: a length, and the address of the instructions. */
  private static final int PROGRAM_BYTES = 16;

  private static final int INSTRUCTION_BYTES = 8;
  private static final short BPF_RET_K = 0x06;

  private static final ChannelOption<ByteBuffer> SELECTION =
      new RawUnixChannelOption(
          "SO_ATTACH_REUSEPORT_CBPF", SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, PROGRAM_BYTES);

  private final ConcurrentLinkedQueue<Channel> listening = new ConcurrentLinkedQueue<>();

  /**
   * Checks that no server listens on an address, which a shared one would not notice.
   *
   * @throws IOException if it cannot be listened on
   */
  public static void requireFree(HostPort address) throws IOException {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(address.host(), address.port()));
    }
  }

  @Override
  public String name() {
    return "epoll";
  }

  @Override
  public boolean available() {
    return isAvailable();
  }

  @Override
  public EpollTransport implementation() {
    return this;
  }

  @Override
  public void configure(TcpConfig config, boolean domainSocket, ServerBootstrap bootstrap) {
    super.configure(config, domainSocket, bootstrap);
    bootstrap.option(UnixChannelOption.SO_REUSEPORT, true);
    bootstrap.handler(
        new ChannelInboundHandlerAdapter() {
          @Override
          public void channelActive(ChannelHandlerContext ctx) {
            listening.add(ctx.channel());
            selectNewest(ctx.channel());
            ctx.fireChannelActive();
          }
        });
  }

  /** Stops accepting connections. Those that have been accepted stay open. */
  public void stopListening() {
    for (Channel server = listening.poll(); server != null; server = listening.poll()) {
      var unused = server.close();
    }
  }

  /**
   * Makes the kernel select the second of the servers at this port, in the order in which they
   * began to listen. If there is only one, it selects that.
   */
  private static void selectNewest(Channel server) {
    ByteBuffer instruction = direct(INSTRUCTION_BYTES);
    instruction.putShort(0, BPF_RET_K).putInt(4, 1); // "Return 1", an index.
    ByteBuffer program = direct(PROGRAM_BYTES);
    program.putShort(0, (short) 1).putLong(8, Buffer.memoryAddress(instruction));
    try {
      server.config().setOption(SELECTION, program);
    } catch (RuntimeException e) {
      LOG.debug("the kernel distributes connections among processes: {}", e.toString());
    }
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }
}
