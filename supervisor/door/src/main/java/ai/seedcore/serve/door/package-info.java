/**
 * The front door: takes clients' requests, sends them to Serve's proxies, and keeps them while
 * nothing is served. One event loop of its own owns all of it; the control loop only tells it what
 * is declared, and reads what it counts.
 */
@NullMarked
package ai.seedcore.serve.door;

import org.jspecify.annotations.NullMarked;
