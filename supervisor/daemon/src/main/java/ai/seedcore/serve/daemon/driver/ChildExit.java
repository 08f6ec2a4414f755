package ai.seedcore.serve.daemon.driver;

import java.time.Instant;

/**
 * How a child process ended.
 *
 * @param child the kind of process
 * @param pid its process id
 * @param at when it ended
 * @param code its exit code; 128 plus the signal's number if a signal ended it
 * @param last the last line that it printed to standard error
 */
public record ChildExit(String child, long pid, Instant at, int code, String last) {}
