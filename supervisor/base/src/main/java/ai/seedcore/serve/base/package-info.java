/**
 * What the front door and the daemon share: addresses, tokens, text of others, and fatal errors.
 */
@NullMarked
package ai.seedcore.serve.base;

import org.jspecify.annotations.NullMarked;
