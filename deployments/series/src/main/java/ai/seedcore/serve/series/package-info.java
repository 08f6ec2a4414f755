/** Time series code that several deployments share. */
@NullMarked
package ai.seedcore.serve.series;

import org.jspecify.annotations.NullMarked;
