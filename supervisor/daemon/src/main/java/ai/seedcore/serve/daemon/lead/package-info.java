/** Which of several daemons acts on the cluster; the cluster itself is where they meet. */
@NullMarked
package ai.seedcore.serve.daemon.lead;

import org.jspecify.annotations.NullMarked;
