/**
 * A Ray cluster of Cloudera AI's applications (a head, workers, the daemon), kept as it is wanted
 * by the platform's own API.
 */
@NullMarked
package ai.seedcore.serve.cai;

import org.jspecify.annotations.NullMarked;
