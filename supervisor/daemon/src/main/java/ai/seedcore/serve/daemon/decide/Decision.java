package ai.seedcore.serve.daemon.decide;

import java.time.Duration;

/**
 * What is done next.
 *
 * @param cause why, in one word
 * @param reason why, in words
 * @param lookAgain when to look again at the latest
 */
public record Decision(
    Phase phase, Action action, Cause cause, String reason, Duration lookAgain) {}
