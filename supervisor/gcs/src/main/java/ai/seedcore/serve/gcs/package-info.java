/**
 * The few questions that are asked of the head's global control service (GCS) itself, over its gRPC
 * interface. No class of Ray's is needed for it, and so nothing of Ray's can end the process. What
 * depends on Ray's version here is {@code gcs.proto}.
 */
@NullMarked
package ai.seedcore.serve.gcs;

import org.jspecify.annotations.NullMarked;
