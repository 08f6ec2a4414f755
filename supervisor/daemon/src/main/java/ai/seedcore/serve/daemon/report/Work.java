package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.driver.ChildExit;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the loop has done, for the status.
 *
 * @param notBefore when the driver is given work again, by the loop's clock
 * @param redeploys how many submissions there were, in all
 * @param upload what is being uploaded; null: nothing
 * @param outcomes what came of a deployment's submissions, by its name
 * @param driverPid the driver's process; 0: there is none
 * @param driverEnded how many drivers have ended
 * @param driverExits how the last of them did
 */
public record Work(
    Instant notBefore,
    int redeploys,
    Status.@Nullable UploadStatus upload,
    Function<String, Status.Outcomes> outcomes,
    long driverPid,
    int driverEnded,
    List<ChildExit> driverExits) {}
