/** The daemon's own HTTP server: health, readiness, and all that is known. */
@NullMarked
package ai.seedcore.serve.daemon.status;

import org.jspecify.annotations.NullMarked;
