package ai.seedcore.serve.daemon.observe;

import java.time.Duration;
import java.util.Map;

/**
 * A replica of one of our applications that lives, and that Serve's controller does not know.
 *
 * @param actor its actor id
 * @param name its actor's name
 * @param app the application
 * @param pid its process id, on its node
 * @param node its node's address
 * @param resources what it holds, by Ray's names
 * @param age for how long it has been seen so
 */
public record Orphan(
    String actor,
    String name,
    String app,
    long pid,
    String node,
    Map<String, Double> resources,
    Duration age) {}
