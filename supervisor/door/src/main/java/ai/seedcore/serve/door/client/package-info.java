/**
 * The client's side: connections, their deadlines and the bytes that arrive on them, and the shares
 * of memory and of the event loop's time that each client gets.
 */
@NullMarked
package ai.seedcore.serve.door.client;

import org.jspecify.annotations.NullMarked;
