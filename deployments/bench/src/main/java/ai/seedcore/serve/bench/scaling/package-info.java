/**
 * How right the ScalingPredictor's forecasts are: loads, naive forecasts to compare with, a table.
 */
@NullMarked
package ai.seedcore.serve.bench.scaling;

import org.jspecify.annotations.NullMarked;
