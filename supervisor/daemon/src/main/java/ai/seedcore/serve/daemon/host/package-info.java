/** A service of a host's systemd: told how we are, and installed. */
@NullMarked
package ai.seedcore.serve.daemon.host;

import org.jspecify.annotations.NullMarked;
