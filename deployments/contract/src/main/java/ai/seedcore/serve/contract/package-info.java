/**
 * The request and reply format that all built-in deployments share. A request is a JSON object that
 * is parsed strictly. A reply is a map that Serve's proxy encodes as JSON. An error reply states
 * what was found and what was expected.
 */
@NullMarked
package ai.seedcore.serve.contract;

import org.jspecify.annotations.NullMarked;
