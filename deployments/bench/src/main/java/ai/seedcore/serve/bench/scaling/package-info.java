/** Measures the errors of ScalingPredictor's forecasts and of naive forecasts. */
@NullMarked
package ai.seedcore.serve.bench.scaling;

import org.jspecify.annotations.NullMarked;
