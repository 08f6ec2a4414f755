/** One pure function from what is wished and what is seen to what is done next, and why. */
@NullMarked
package ai.seedcore.serve.daemon.decide;

import org.jspecify.annotations.NullMarked;
