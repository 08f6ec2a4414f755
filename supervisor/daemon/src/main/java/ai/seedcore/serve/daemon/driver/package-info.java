/**
 * The driver child process: its start, its requests and replies, its end. It may die at any time.
 */
@NullMarked
package ai.seedcore.serve.daemon.driver;

import org.jspecify.annotations.NullMarked;
