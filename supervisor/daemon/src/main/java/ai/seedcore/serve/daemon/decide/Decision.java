package ai.seedcore.serve.daemon.decide;

import java.time.Duration;

/**
 * What is done next.
 *
 * @param reason why, in words
 * @param lookAgain when to look again at the latest
 */
public record Decision(Phase phase, Action action, String reason, Duration lookAgain) {}
