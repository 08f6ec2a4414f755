/** Traces of requests and recoveries, exported by OTLP. */
@NullMarked
package ai.seedcore.serve.daemon.trace;

import org.jspecify.annotations.NullMarked;
