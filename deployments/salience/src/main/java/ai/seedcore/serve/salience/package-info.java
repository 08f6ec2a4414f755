/** SalienceScorer: how much attention does this event deserve? */
@NullMarked
package ai.seedcore.serve.salience;

import org.jspecify.annotations.NullMarked;
