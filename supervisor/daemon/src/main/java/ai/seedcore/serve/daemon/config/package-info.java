/** What the user wishes: flags, environment and files to one validated {@code Settings}. */
@NullMarked
package ai.seedcore.serve.daemon.config;

import org.jspecify.annotations.NullMarked;
