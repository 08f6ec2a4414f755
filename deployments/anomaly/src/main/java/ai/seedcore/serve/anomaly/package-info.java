/** The AnomalyDetector deployment, which finds the anomalous points of a time series. */
@NullMarked
package ai.seedcore.serve.anomaly;

import org.jspecify.annotations.NullMarked;
