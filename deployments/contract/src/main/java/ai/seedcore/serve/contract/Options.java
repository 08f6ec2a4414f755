package ai.seedcore.serve.contract;

/**
 * The options of a deployment: {@code limits}, and one option that is specific to the deployment.
 * They are parsed as strictly as a request.
 *
 * @param own the deployment's specific option
 * @param limits the limits on requests
 */
public record Options<T>(T own, Limits limits) {

  /**
   * Parses the options of a deployment.
   *
   * @param json the declared constructor argument, a JSON object
   * @param name the name of the deployment's specific option
   * @param reader reads the value of that option
   * @param absent the default of that option
   * @throws IllegalArgumentException if an option is invalid. The message names the option and the
   *     expected value. It fails the deployment, so the operator sees it.
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
