/** Tells others of changes, by HTTP. */
@NullMarked
package ai.seedcore.serve.daemon.notify;

import org.jspecify.annotations.NullMarked;
