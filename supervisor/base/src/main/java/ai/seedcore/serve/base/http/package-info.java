/** HTTP on an event loop: servers with limits, and a client with deadlines. */
@NullMarked
package ai.seedcore.serve.base.http;

import org.jspecify.annotations.NullMarked;
