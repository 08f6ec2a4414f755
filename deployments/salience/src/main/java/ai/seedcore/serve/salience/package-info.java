/** The SalienceScorer deployment, which scores how much attention an event deserves. */
@NullMarked
package ai.seedcore.serve.salience;

import org.jspecify.annotations.NullMarked;
