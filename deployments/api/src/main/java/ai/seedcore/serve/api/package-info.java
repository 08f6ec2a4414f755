/**
 * HTTP requests and responses, for a deployment's class that needs more than a body, and tensors,
 * for one that speaks the Open Inference Protocol.
 */
@NullMarked
package ai.seedcore.serve.api;

import org.jspecify.annotations.NullMarked;
