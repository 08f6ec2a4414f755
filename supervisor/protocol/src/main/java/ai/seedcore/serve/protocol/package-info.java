/**
 * The protocol between daemon and driver. The daemon writes {@link
 * ai.seedcore.serve.protocol.Request}s to the driver's standard input. The driver writes {@link
 * ai.seedcore.serve.protocol.Reply}s to a separate file descriptor. A message is one JSON object on
 * one line.
 */
@NullMarked
package ai.seedcore.serve.protocol;

import org.jspecify.annotations.NullMarked;
