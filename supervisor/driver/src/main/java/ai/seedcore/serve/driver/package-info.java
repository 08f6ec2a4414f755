/**
 * The child process that holds the Ray Java API. It may die at any time and nothing is lost with
 * it; what it is asked for is in {@link ai.seedcore.serve.protocol}. All that depends on Ray's
 * version stands in {@link ai.seedcore.serve.driver.ServeApi} and {@code ensure_serve.py}.
 */
@NullMarked
package ai.seedcore.serve.driver;

import org.jspecify.annotations.NullMarked;
