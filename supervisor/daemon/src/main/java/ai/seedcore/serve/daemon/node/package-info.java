/** Ray on this machine: where it is installed, and the node of our own, where we are to run one. */
@NullMarked
package ai.seedcore.serve.daemon.node;

import org.jspecify.annotations.NullMarked;
