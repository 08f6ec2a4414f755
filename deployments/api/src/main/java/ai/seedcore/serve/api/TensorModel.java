package ai.seedcore.serve.api;

import java.util.List;

/**
 * A deployment's class that also speaks the Open Inference Protocol: clients of that protocol reach
 * it at {@code /v2/models/NAME} of the front door. They send and receive tensors, as JSON or in
 * binary; the class need not care which.
 */
public interface TensorModel {

  /** Returns what the model takes. A request with any other tensor is refused. */
  List<TensorType> inputs();

  /** Returns what the model returns. */
  List<TensorType> outputs();

  /**
   * Answers one request. Several threads call it at a time, as they do {@code call}.
   *
   * @param request a request whose tensors are as {@link #inputs} declares
   * @return tensors that {@link #outputs} declares
   * @throws Inference.Refused if the client is to be told what is wrong with its request; any other
   *     exception is a failure of the deployment
   */
  List<Tensor> infer(Inference request) throws Exception;

  /** Returns the model's version, which is the only one that a request may name. */
  default String version() {
    return "1";
  }
}
