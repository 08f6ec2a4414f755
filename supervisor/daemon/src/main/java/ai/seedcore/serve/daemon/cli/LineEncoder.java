package ai.seedcore.serve.daemon.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;

/** Encodes events as lines, without a header or a footer. */
abstract class LineEncoder extends EncoderBase<ILoggingEvent> {

  private static final byte[] NOTHING = {};

  @Override
  public final byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public final byte[] footerBytes() {
    return NOTHING;
  }
}
