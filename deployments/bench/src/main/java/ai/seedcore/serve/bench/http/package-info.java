/** Measures the deployments through Serve's proxy and compares them with alternatives. */
@NullMarked
package ai.seedcore.serve.bench.http;

import org.jspecify.annotations.NullMarked;
