package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Observation;
import java.time.Instant;

/**
 * All that a decision is made of.
 *
 * @param state what is remembered
 * @param seen what was seen just now
 * @param role whether we are the daemon that acts
 * @param driver the driver
 * @param node our own Ray node
 * @param work what may be begun
 * @param now the time; it only ever moves forward
 */
public record Situation(
    State state,
    Observation seen,
    Role role,
    DriverView driver,
    NodeView node,
    WorkView work,
    Instant now) {}
