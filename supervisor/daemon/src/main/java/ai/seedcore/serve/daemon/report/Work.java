package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.driver.ChildExit;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The control loop's own work, for the status.
 *
 * @param notBefore when the driver may get work again, by the monotonic clock
 * @param redeploys the number of submissions since this daemon started
 * @param upload the current upload; null if there is none
 * @param outcomes returns the outcomes of a deployment's submissions, by its name
 * @param driverPid the driver's process id; 0 if there is none
 * @param driverEnded how many drivers have ended
 * @param driverExits how the last of them ended
 */
public record Work(
    Instant notBefore,
    int redeploys,
    Status.@Nullable UploadStatus upload,
    Function<String, Status.Outcomes> outcomes,
    long driverPid,
    int driverEnded,
    List<ChildExit> driverExits) {}
