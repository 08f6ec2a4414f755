/**
 * Jars and files on their way to the cluster: what they are made of, the cache, and the uploads.
 */
@NullMarked
package ai.seedcore.serve.daemon.pack;

import org.jspecify.annotations.NullMarked;
