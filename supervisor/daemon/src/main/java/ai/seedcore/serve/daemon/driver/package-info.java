/** The driver child process: started, spoken to, ended; expected to die at any time. */
@NullMarked
package ai.seedcore.serve.daemon.driver;

import org.jspecify.annotations.NullMarked;
