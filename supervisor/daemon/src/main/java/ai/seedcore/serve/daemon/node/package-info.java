/** Ray on this machine: its installation, and our own node if configured. */
@NullMarked
package ai.seedcore.serve.daemon.node;

import org.jspecify.annotations.NullMarked;
