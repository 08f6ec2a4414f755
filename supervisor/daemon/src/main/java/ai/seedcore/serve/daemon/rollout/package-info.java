/**
 * Replaces versions of Java applications: what is recorded about them, and the trial that a new
 * version has to pass before it takes over.
 */
@NullMarked
package ai.seedcore.serve.daemon.rollout;

import org.jspecify.annotations.NullMarked;
