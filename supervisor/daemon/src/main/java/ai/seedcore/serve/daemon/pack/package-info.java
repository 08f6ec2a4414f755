/** Packages jars and files for the cluster: their contents, the cache, and the uploads. */
@NullMarked
package ai.seedcore.serve.daemon.pack;

import org.jspecify.annotations.NullMarked;
