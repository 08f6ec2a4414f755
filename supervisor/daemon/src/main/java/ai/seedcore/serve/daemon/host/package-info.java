/** The host: its processes, clock and memory, and our installation as a service. */
@NullMarked
package ai.seedcore.serve.daemon.host;

import org.jspecify.annotations.NullMarked;
