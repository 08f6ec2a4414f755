/** The command line: commands, options and exit codes. */
@NullMarked
package ai.seedcore.serve.daemon.cli;

import org.jspecify.annotations.NullMarked;
