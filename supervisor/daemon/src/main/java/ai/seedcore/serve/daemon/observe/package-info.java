/**
 * Looks at the cluster from outside and reports an observation. Never acts on it, and never throws
 * because the cluster is unhealthy. What could not be read is unknown, never absent.
 */
@NullMarked
package ai.seedcore.serve.daemon.observe;

import org.jspecify.annotations.NullMarked;
