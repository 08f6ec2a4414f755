/** The Java agent that runs in each replica's JVM and patches Ray's Java replica classes. */
@NullMarked
package ai.seedcore.serve.agent;

import org.jspecify.annotations.NullMarked;
