/**
 * One request: it is routed, queued, sent upstream, and its response is relayed. {@link
 * ai.seedcore.serve.door.request.Router} is where it arrives.
 */
@NullMarked
package ai.seedcore.serve.door.request;

import org.jspecify.annotations.NullMarked;
