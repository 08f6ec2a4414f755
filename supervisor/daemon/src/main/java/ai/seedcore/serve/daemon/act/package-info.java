/** Carries out decisions, one action at a time. */
@NullMarked
package ai.seedcore.serve.daemon.act;

import org.jspecify.annotations.NullMarked;
