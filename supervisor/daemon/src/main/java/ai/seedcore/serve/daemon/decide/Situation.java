package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Observation;
import java.time.Instant;

/**
 * The complete input of one decision.
 *
 * @param state what the control loop remembers
 * @param seen the latest observation
 * @param role this daemon's role
 * @param driver the state of the driver
 * @param node the state of our own Ray node
 * @param work which work may begin
 * @param now the time, from a clock that never goes back
 */
public record Situation(
    State state,
    Observation seen,
    Role role,
    DriverView driver,
    NodeView node,
    WorkView work,
    Instant now) {}
