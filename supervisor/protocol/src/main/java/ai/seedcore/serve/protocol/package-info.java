/**
 * What daemon and driver say to each other: the daemon writes {@link
 * ai.seedcore.serve.protocol.Request}s to the driver's standard input, the driver answers with
 * {@link ai.seedcore.serve.protocol.Reply}s on a descriptor of its own, one JSON object a line.
 */
@NullMarked
package ai.seedcore.serve.protocol;

import org.jspecify.annotations.NullMarked;
