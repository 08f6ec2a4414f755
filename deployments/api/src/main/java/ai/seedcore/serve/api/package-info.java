/** HTTP requests and responses, for a deployment's class that needs more than a body. */
@NullMarked
package ai.seedcore.serve.api;

import org.jspecify.annotations.NullMarked;
