/** Runs in the JVM of each replica, before Ray's own code: mends what Ray's Java replica lacks. */
@NullMarked
package ai.seedcore.serve.agent;

import org.jspecify.annotations.NullMarked;
