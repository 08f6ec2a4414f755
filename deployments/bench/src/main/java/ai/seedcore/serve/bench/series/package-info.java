/** Labelled series, read from files. */
package ai.seedcore.serve.bench.series;
