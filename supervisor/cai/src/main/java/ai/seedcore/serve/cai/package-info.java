/**
 * Manages a Ray cluster whose head, workers and daemon are Cloudera AI applications, through the
 * CML API.
 */
@NullMarked
package ai.seedcore.serve.cai;

import org.jspecify.annotations.NullMarked;
