/** AnomalyDetector: which of these points are not normal? */
@NullMarked
package ai.seedcore.serve.anomaly;

import org.jspecify.annotations.NullMarked;
