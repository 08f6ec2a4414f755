/** Measures the accuracy of AnomalyDetector and of other rules on labelled series. */
@NullMarked
package ai.seedcore.serve.bench.anomaly;

import org.jspecify.annotations.NullMarked;
