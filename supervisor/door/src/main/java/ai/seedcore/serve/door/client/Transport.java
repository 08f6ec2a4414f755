package ai.seedcore.serve.door.client;

import ai.seedcore.serve.base.http.Abort;
import io.netty.channel.Channel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.AttributeKey;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import org.jspecify.annotations.Nullable;

/** A client's connection over TCP, with or without TLS. */
abstract class Transport {

  /**
   * How many written bytes may be unread before a response counts as unread, and no more requests
   * are read.
   */
  static final WriteBufferWaterMark WATER_MARKS = new WriteBufferWaterMark(1 << 10, 4 << 10);

  private static final AttributeKey<Transport> KEY =
      AttributeKey.valueOf(Transport.class, "transport");

  final Connections all;
  final HttpConnection http;
  final Channel channel;
  final Client client;
  final Room budget;
  final Pace pace;

  Transport(Connections all, HttpConnection http, Channel channel, Client client) {
    this.all = all;
    this.http = http;
    this.channel = channel;
    this.client = client;
    this.budget = all.budget();
    this.pace = all.pace();
    channel.attr(KEY).set(this);
    channel.config().setWriteBufferWaterMark(WATER_MARKS);
  }

  /** Returns the transport of a channel; null if it has none yet. */
  static @Nullable Transport of(Channel channel) {
    return channel.attr(KEY).get();
  }

  /** Returns what carries a request. */
  abstract Connection carrier(HttpServerRequest request);

  /** Returns the bytes that arrive. */
  abstract Gate gate();

  /** Returns how many HTTP/1 connections take as much memory. */
  abstract int weight();

  /** Returns whether it carries no request. */
  abstract boolean isIdle();

  /** Tells the client to send no further request, if the protocol can; HTTP/1's responses do. */
  void endSoon() {}

  /** Ends what has passed its deadline. */
  abstract void sweep(long now);

  /** Stops charging anything, because the connection has ended. */
  abstract void stopCharging();

  /**
   * Closes the connection now. Vert.x's own close waits for a client that does not read what was
   * written.
   */
  void abort() {
    Abort.now(channel);
  }
}
