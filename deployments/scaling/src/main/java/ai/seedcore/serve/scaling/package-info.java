/** ScalingPredictor: how many of these will be needed soon? */
@NullMarked
package ai.seedcore.serve.scaling;

import org.jspecify.annotations.NullMarked;
