/**
 * The direct path: an HTTP server in each replica, to which the front door sends requests without
 * Serve's proxy.
 */
@NullMarked
package ai.seedcore.serve.agent.direct;

import org.jspecify.annotations.NullMarked;
