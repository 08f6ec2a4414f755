/**
 * The driver: a child process of the daemon that uses the Ray Java API. It holds no state, so it
 * may exit at any time. {@link ai.seedcore.serve.protocol} defines its requests. Everything that
 * depends on the Ray version is in {@link ai.seedcore.serve.driver.ServeApi} and the Python
 * resources.
 */
@NullMarked
package ai.seedcore.serve.driver;

import org.jspecify.annotations.NullMarked;
