/**
 * Decides, with one pure function from the desired state and the observation to the next action and
 * its cause.
 */
@NullMarked
package ai.seedcore.serve.daemon.decide;

import org.jspecify.annotations.NullMarked;
