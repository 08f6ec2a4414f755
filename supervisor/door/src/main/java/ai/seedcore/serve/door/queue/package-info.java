/** The requests that wait for a route, and how many of them are sent at a time, and again. */
@NullMarked
package ai.seedcore.serve.door.queue;

import org.jspecify.annotations.NullMarked;
