/**
 * A gRPC client of Ray's global control service (GCS). It uses no Ray classes, because Ray's native
 * code can abort the process. Only {@code gcs.proto} depends on the Ray version.
 */
@NullMarked
package ai.seedcore.serve.gcs;

import org.jspecify.annotations.NullMarked;
