package ai.seedcore.serve.daemon.observe;

import java.util.Map;

/**
 * All that was seen in one look.
 *
 * @param head the head
 * @param serve Serve; unknown where the head is down or the look was a light one
 * @param routes what each declared route answered, by application; empty where none was asked
 * @param full false for a light look, which asks for the identity and the routes' names only
 */
public record Observation(Head head, Serve serve, Map<String, Route> routes, boolean full) {}
