/** Tells others of changes: by HTTP, and systemd. */
@NullMarked
package ai.seedcore.serve.daemon.notify;

import org.jspecify.annotations.NullMarked;
