package ai.seedcore.serve.api;

import java.util.Map;
import java.util.Optional;

/**
 * A request for an inference.
 *
 * @param inputs the tensors by name. Each is one that the model has declared: of a type that the
 *     declared one represents exactly, and of a shape that the declared one admits
 * @param parameters the parameters of the request: text, numbers and booleans by name
 * @param bytes the length of the request's body, in bytes
 */
public record Inference(Map<String, Tensor> inputs, Map<String, Object> parameters, int bytes) {

  /** Thrown if a model cannot answer a request, and the client can mend that. */
  public static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The HTTP status, from 400 to 599. */
    private final int status;

    /**
     * Creates a refusal.
     *
     * @param status the HTTP status, from 400 to 599
     * @param message what was found, and what was expected
     */
    public Refused(int status, String message) {
      super(message, null, false, false); // No stack trace: invalid input is not a bug.
      this.status = status;
    }

    /** Returns the HTTP status, from 400 to 599. */
    public int status() {
      return status;
    }
  }

  /**
   * Returns an input that the model has declared as required.
   *
   * @throws Refused if there is none
   */
  public Tensor input(String name) {
    return find(name)
        .orElseThrow(() -> new Refused(400, "inputs: found no %s, expected one".formatted(name)));
  }

  /** Returns an input. */
  public Optional<Tensor> find(String name) {
    return Optional.ofNullable(inputs.get(name));
  }
}
