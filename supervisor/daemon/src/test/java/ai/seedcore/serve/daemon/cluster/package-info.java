/** Tests on a real Ray cluster, with a real HTTP client and real signals. */
@NullUnmarked
package ai.seedcore.serve.daemon.cluster;

import org.jspecify.annotations.NullUnmarked;
