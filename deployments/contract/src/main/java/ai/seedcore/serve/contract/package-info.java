/**
 * The rules that all models share: a request is a strict JSON object, a reply is a map that Serve's
 * proxy turns into JSON, and what is wrong with a request is said in words, never guessed.
 */
@NullMarked
package ai.seedcore.serve.contract;

import org.jspecify.annotations.NullMarked;
