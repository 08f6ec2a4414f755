/** The OpenAPI document of the declared deployments, which the front door shows to clients. */
@NullMarked
package ai.seedcore.serve.daemon.openapi;

import org.jspecify.annotations.NullMarked;
