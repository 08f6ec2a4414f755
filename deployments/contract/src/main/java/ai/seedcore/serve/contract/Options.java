package ai.seedcore.serve.contract;

/** Reads what a deployment is configured with, as strictly as a request. */
public final class Options {

  private Options() {}

  /**
   * Reads the options of a deployment.
   *
   * @param json the constructor's argument as it was declared
   * @throws IllegalArgumentException naming the option and what was expected; it fails the
   *     deployment, and its text is what the operator sees
   */
  public static <T> T read(String json, Input.Reader<T> reader) {
    try {
      return Input.read(json, reader);
    } catch (Refusal e) {
      throw new IllegalArgumentException("init_args[0]." + e.getMessage(), e);
    }
  }
}
