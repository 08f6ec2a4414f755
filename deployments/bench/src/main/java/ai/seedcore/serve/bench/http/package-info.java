/** How fast the models answer through Serve's proxy, beside what a user would run instead. */
@NullMarked
package ai.seedcore.serve.bench.http;

import org.jspecify.annotations.NullMarked;
