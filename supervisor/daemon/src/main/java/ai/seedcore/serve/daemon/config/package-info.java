/** Turns flags, environment variables and files into one validated {@code Settings}. */
@NullMarked
package ai.seedcore.serve.daemon.config;

import org.jspecify.annotations.NullMarked;
