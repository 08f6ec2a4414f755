package ai.seedcore.serve.agent.inference;

import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorModel;
import ai.seedcore.serve.api.TensorType;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Answers the requests of the Open Inference Protocol that concern one model: its metadata, whether
 * a version is ready, and inferences.
 *
 * @see <a
 *     href="https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md">the
 *     protocol</a>, and the binary extension of Triton
 */
public final class OpenInference {

  /**
   * Marks a request of this protocol. Its value is the path after {@code /v2/models/}. The front
   * door sets it, and removes a client's.
   */
  public static final String FIELD = "X-SeedCore-Inference";

  private static final String VERSIONS = "versions";

  /**
   * How many bytes of bodies are read and answered at a time; others wait. In memory, a tensor
   * takes up to a dozen times the bytes of its JSON.
   */
  private static final int BUDGET =
      (int) Math.max(1 << 20, Math.min(1 << 30, Runtime.getRuntime().maxMemory() / 32));

  private static final Semaphore BYTES = new Semaphore(BUDGET, true);

  /** A body of this many bytes does not have to wait. */
  private static final int SMALL = 16 << 10;

  /** The maximum length of a message, which may quote the client, in characters. */
  private static final int MAX_MESSAGE = 500;

  private OpenInference() {}

  /**
   * Returns the response to a request.
   *
   * @param path the path after {@code /v2/models/}: the model's name, and what is asked of it
   * @param model the model; null if the class declares no tensors
   */
  public static Response respond(Request request, String path, @Nullable TensorModel model)
      throws Exception {
    try {
      List<String> parts = new ArrayList<>(List.of(path.split("/", -1)));
      String name = URLDecoder.decode(parts.remove(0).replace("+", "%2B"), StandardCharsets.UTF_8);
      if (model == null) {
        throw new Inference.Refused(
            404,
            ("model %s: found a class that does not implement %s, expected one that does; its own"
                    + " requests go to its route")
                .formatted(name, TensorModel.class.getName()));
      }
      if (parts.size() >= 2 && parts.get(0).equals(VERSIONS)) {
        requireVersion(parts.get(1), model);
        parts = parts.subList(2, parts.size());
      }
      String asked = String.join("/", parts);
      return switch (asked) {
        case "" -> {
          require("GET", request);
          yield Response.of(metadata(name, model));
        }
        case "ready" -> {
          require("GET", request);
          yield Response.of(Map.of("name", name, "ready", true));
        }
        case "infer" -> {
          require("POST", request);
          yield infer(request, name, model);
        }
        default ->
            throw new Inference.Refused(
                404,
                "path: found '%s' after the model's name, expected nothing, ready or infer"
                    .formatted(asked));
      };
    } catch (Inference.Refused refused) {
      String message = String.valueOf(refused.getMessage());
      Response response =
          Response.of(
              refused.status(),
              Map.of(
                  "error",
                  message.length() <= MAX_MESSAGE
                      ? message
                      : message.substring(0, MAX_MESSAGE) + "..."));
      return refused.status() == 503 ? response.withHeader("Retry-After", "1") : response;
    }
  }

  private static void require(String method, Request request) {
    boolean reads = method.equals("GET") && request.method().equals("HEAD");
    if (!request.method().equals(method) && !reads) {
      throw new Inference.Refused(
          405, "method: found %s, expected %s".formatted(request.method(), method));
    }
  }

  private static void requireVersion(String version, TensorModel model) {
    if (!version.equals(model.version())) {
      throw new Inference.Refused(
          404, "version: found '%s', expected %s".formatted(version, model.version()));
    }
  }

  private static Map<String, Object> metadata(String name, TensorModel model) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("name", name);
    metadata.put("versions", List.of(model.version()));
    metadata.put("platform", "java");
    metadata.put("inputs", model.inputs().stream().map(OpenInference::metadata).toList());
    metadata.put("outputs", model.outputs().stream().map(OpenInference::metadata).toList());
    return metadata;
  }

  private static Map<String, Object> metadata(TensorType type) {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("name", type.name());
    metadata.put("datatype", type.datatype().name());
    metadata.put("shape", type.shape());
    return metadata;
  }

  private static Response infer(Request request, String name, TensorModel model) throws Exception {
    int bytes = request.body().length;
    int cost = bytes <= SMALL ? 0 : Math.min(bytes, BUDGET);
    BYTES.acquire(cost);
    try {
      return answer(request, name, model);
    } finally {
      BYTES.release(cost);
    }
  }

  private static Response answer(Request request, String name, TensorModel model) throws Exception {
    InferenceRequest asked = InferenceRequest.read(request, model.inputs());
    asked.requireOutputs(model.outputs());
    List<Tensor> returned = model.infer(asked.inference());
    List<Tensor> outputs = new ArrayList<>();
    for (Tensor output : returned) {
      if (asked.wants(output.name())) {
        outputs.add(output);
      }
    }
    for (String wanted : asked.outputs().keySet()) {
      if (outputs.stream().noneMatch(output -> output.name().equals(wanted))) {
        throw new Inference.Refused(
            400, "outputs: found %s, which this request does not have".formatted(wanted));
      }
    }
    return InferenceResponse.of(name, model.version(), asked, outputs);
  }
}
