/** Elects the one daemon that acts on the cluster, with a lease in the cluster's own GCS. */
@NullMarked
package ai.seedcore.serve.daemon.lead;

import org.jspecify.annotations.NullMarked;
