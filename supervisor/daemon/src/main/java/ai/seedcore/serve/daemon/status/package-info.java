/** Serves the status port: health, readiness, status and metrics. */
@NullMarked
package ai.seedcore.serve.daemon.status;

import org.jspecify.annotations.NullMarked;
