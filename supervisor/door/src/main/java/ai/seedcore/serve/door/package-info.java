/**
 * The front door: accepts clients' requests, sends them to Serve's proxies, and queues them while
 * nothing is served. It runs on one event loop of its own. The control loop only passes it the
 * declared routes, and reads its counters.
 */
@NullMarked
package ai.seedcore.serve.door;

import org.jspecify.annotations.NullMarked;
