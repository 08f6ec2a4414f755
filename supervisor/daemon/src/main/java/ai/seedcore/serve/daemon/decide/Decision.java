package ai.seedcore.serve.daemon.decide;

import java.time.Duration;

/**
 * The result of one decision.
 *
 * @param phase the phase of the daemon
 * @param action the next action
 * @param cause why, as a constant for metrics
 * @param reason why, in words
 * @param lookAgain how long to wait at most before the next look
 */
public record Decision(
    Phase phase, Action action, Cause cause, String reason, Duration lookAgain) {}
