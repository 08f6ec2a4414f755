/** The control loop: observe, decide, act, report. */
@NullMarked
package ai.seedcore.serve.daemon.loop;

import org.jspecify.annotations.NullMarked;
