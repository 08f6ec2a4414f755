/** Carries out what was decided, one thing at a time, and keeps the loop that does so for ever. */
@NullMarked
package ai.seedcore.serve.daemon.act;

import org.jspecify.annotations.NullMarked;
