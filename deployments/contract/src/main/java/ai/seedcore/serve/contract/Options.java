package ai.seedcore.serve.contract;

/**
 * What a deployment is configured with, read as strictly as a request: {@code limits}, and one
 * thing of the deployment's own.
 *
 * @param own the deployment's own
 * @param limits what a request may hold
 */
public record Options<T>(T own, Limits limits) {

  /**
   * Reads the options of a deployment.
   *
   * @param json the constructor's argument as it was declared: an object
   * @param name how the deployment's own option is called
   * @param reader reads it
   * @param absent what stands for it
   * @throws IllegalArgumentException naming the option and what was expected; it fails the
   *     deployment, and its text is what the operator sees
   */
  public static <T> Options<T> read(
      String json, String name, Input.Reader<? extends T> reader, T absent) {
    try {
      return Input.read(json, input -> read(input, name, reader, absent));
    } catch (Refusal e) {
      throw new IllegalArgumentException("init_args[0]." + e.getMessage(), e);
    }
  }

  private static <T> Options<T> read(
      Input input, String own, Input.Reader<? extends T> reader, T absent) throws Refusal {
    Values<T> values = new Values<>(absent);
    input.object(
        name -> {
          if (name.equals(own)) {
            values.own = reader.read(input);
          } else if (name.equals("limits")) {
            values.limits = Limits.read(input);
          } else {
            throw input.unknown(own, "limits");
          }
        });
    return new Options<>(values.own, values.limits);
  }

  private static final class Values<T> {
    private T own;
    private Limits limits = Limits.DEFAULT;

    Values(T own) {
      this.own = own;
    }
  }
}
