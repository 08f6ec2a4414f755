/**
 * Looks at the cluster from outside and says what it saw. Never acts, never throws for a sick
 * cluster; what could not be asked is unknown, never missing.
 */
@NullMarked
package ai.seedcore.serve.daemon.observe;

import org.jspecify.annotations.NullMarked;
