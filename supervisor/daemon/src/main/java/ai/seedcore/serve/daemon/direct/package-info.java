/** The direct path: finds the replicas to which the front door sends requests without a proxy. */
@NullMarked
package ai.seedcore.serve.daemon.direct;

import org.jspecify.annotations.NullMarked;
