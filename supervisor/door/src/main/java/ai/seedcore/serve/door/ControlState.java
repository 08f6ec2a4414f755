package ai.seedcore.serve.door;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The state that the control loop passes to the front door.
 *
 * @param routes the routes of the declared deployments
 * @param nodes the addresses of the cluster's living nodes, each of which may run a proxy; empty:
 *     unknown
 * @param idle the applications that have no replica because there were no requests. The load that
 *     the front door reports starts one, so requests wait for it here and not in a proxy
 * @param replacing whether Serve is being replaced, so that a request that is sent now would be
 *     lost
 * @param phase the daemon's phase, for clients that have to wait
 * @param reason the reason for the phase
 * @param lastRecoverySeconds how long the last recovery took; null: there was none
 */
public record ControlState(
    List<Route> routes,
    Set<String> nodes,
    Set<String> idle,
    boolean replacing,
    String phase,
    String reason,
    @Nullable Double lastRecoverySeconds) {}
