/** The host: clock, child processes, watchdog, and the installation as a service. */
@NullMarked
package ai.seedcore.serve.daemon.host;

import org.jspecify.annotations.NullMarked;
