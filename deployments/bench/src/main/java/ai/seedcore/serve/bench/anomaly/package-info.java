/** How right the AnomalyDetector is: labelled series, rules to compare with, a table. */
@NullMarked
package ai.seedcore.serve.bench.anomaly;

import org.jspecify.annotations.NullMarked;
