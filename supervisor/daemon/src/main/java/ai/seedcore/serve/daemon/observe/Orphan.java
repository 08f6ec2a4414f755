package ai.seedcore.serve.daemon.observe;

import java.time.Duration;
import java.util.Map;

/**
 * A living replica of a declared application that Serve's controller no longer lists.
 *
 * @param actor its actor id
 * @param name its actor name
 * @param app its application
 * @param pid its process id on its node
 * @param node the address of its node
 * @param resources the resources that it holds, by Ray's names
 * @param age how long it has been unlisted
 */
public record Orphan(
    String actor,
    String name,
    String app,
    long pid,
    String node,
    Map<String, Double> resources,
    Duration age) {}
