/** What the daemon knows, as numbers for Prometheus. */
@NullMarked
package ai.seedcore.serve.daemon.metrics;

import org.jspecify.annotations.NullMarked;
