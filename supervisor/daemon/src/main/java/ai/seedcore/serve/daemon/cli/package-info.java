/** The command line: what a person types, and what a script's exit codes mean. */
@NullMarked
package ai.seedcore.serve.daemon.cli;

import org.jspecify.annotations.NullMarked;
