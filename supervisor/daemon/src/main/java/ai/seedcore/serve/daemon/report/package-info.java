/**
 * Reports on the daemon itself: the status document, its history, and a log line for each change.
 */
@NullMarked
package ai.seedcore.serve.daemon.report;

import org.jspecify.annotations.NullMarked;
