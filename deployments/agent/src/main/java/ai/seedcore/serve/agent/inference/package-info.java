/** The Open Inference Protocol (version 2, HTTP) for classes that declare tensors. */
@NullMarked
package ai.seedcore.serve.agent.inference;

import org.jspecify.annotations.NullMarked;
