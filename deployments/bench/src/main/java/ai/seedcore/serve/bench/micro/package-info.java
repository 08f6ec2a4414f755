/** How fast the models are by themselves: JMH. */
@NullMarked
package ai.seedcore.serve.bench.micro;

import org.jspecify.annotations.NullMarked;
