/** Measures the deployments without Serve, with JMH. */
@NullMarked
package ai.seedcore.serve.bench.micro;

import org.jspecify.annotations.NullMarked;
