package ai.seedcore.serve.daemon.observe;

import java.time.Instant;

/**
 * What a real request to a route came to.
 *
 * @param answers whether it was answered as declared
 * @param reason why not; empty where it was
 * @param millis how long it took
 * @param at when it was answered
 * @param silent whether nothing at all came in time, which may be the network's fault
 */
public record Route(boolean answers, String reason, long millis, Instant at, boolean silent) {}
