/** Notifies others of changes: over HTTP, and systemd. */
@NullMarked
package ai.seedcore.serve.daemon.notify;

import org.jspecify.annotations.NullMarked;
