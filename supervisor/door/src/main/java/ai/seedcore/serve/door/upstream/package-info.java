/** The upstream side: Serve's HTTP proxies, and which routes they serve. */
@NullMarked
package ai.seedcore.serve.door.upstream;

import org.jspecify.annotations.NullMarked;
