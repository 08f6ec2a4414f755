/** Exports the daemon's status as Prometheus metrics. */
@NullMarked
package ai.seedcore.serve.daemon.metrics;

import org.jspecify.annotations.NullMarked;
