/** One daemon takes the place of another on the same machine, without a refused connection. */
@NullMarked
package ai.seedcore.serve.daemon.handover;

import org.jspecify.annotations.NullMarked;
