/** The ScalingPredictor deployment, which recommends a number of replicas. */
@NullMarked
package ai.seedcore.serve.scaling;

import org.jspecify.annotations.NullMarked;
