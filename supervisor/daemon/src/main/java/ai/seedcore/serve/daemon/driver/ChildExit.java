package ai.seedcore.serve.daemon.driver;

import java.time.Instant;

/**
 * How a child process ended.
 *
 * @param child what it was
 * @param code its exit code; 128 and the signal's number where a signal ended it
 * @param last the last line it printed to standard error
 */
public record ChildExit(String child, long pid, Instant at, int code, String last) {}
