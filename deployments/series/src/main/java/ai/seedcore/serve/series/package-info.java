/** What the models that look at series share. */
@NullMarked
package ai.seedcore.serve.series;

import org.jspecify.annotations.NullMarked;
