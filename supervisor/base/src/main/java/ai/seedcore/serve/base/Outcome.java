package ai.seedcore.serve.base;

/** How an attempt ended. */
public sealed interface Outcome {

  /** The one instance of {@link Succeeded}. */
  Outcome SUCCEEDED = new Succeeded();

  /** The attempt achieved its aim. */
  record Succeeded() implements Outcome {}

  /**
   * The attempt failed.
   *
   * @param reason why, in words for the operator
   */
  record Failed(String reason) implements Outcome {}
}
