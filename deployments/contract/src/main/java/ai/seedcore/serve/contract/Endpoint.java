package ai.seedcore.serve.contract;

import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.contract.Refusal.Code;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Handles the requests of a deployment: checks the limits, parses the request, calls the model and
 * builds the reply.
 *
 * <p>An invalid request is answered with an error reply, and an exception always means a bug in the
 * deployment. Where Ray cannot pass on the reply's HTTP status, as to a Python caller, the reply
 * itself says that it is an error.
 *
 * @param <T> the parsed request
 */
public final class Endpoint<T> {

  /**
   * Computes the reply to a request.
   *
   * @param <T> the parsed request
   */
  @FunctionalInterface
  public interface Model<T> {
    /**
     * Returns the fields of the reply. A field {@code model} overrides the name in the description.
     */
    Map<String, Object> answer(T request);
  }

  /**
   * The reply to an empty request body.
   *
   * @param name the deployment's name
   * @param model the model's name
   * @param modelVersion the model's version
   * @param example a valid request
   */
  public record Description(
      String name, String model, String modelVersion, Map<String, Object> example) {}

  /**
   * Reads and answers a request.
   *
   * @param <R> the answer
   */
  @FunctionalInterface
  public interface Work<R> {
    /** Returns the answer. */
    R run() throws Refusal;
  }

  private static final int MAX_UTF8_BYTES_PER_CHAR = 3;

  private final Description description;
  private final Limits limits;
  private final Clock clock;
  private final Input.Reader<T> reader;
  private final Model<T> model;
  private final Semaphore requests;
  private final Semaphore requestBytes;

  /**
   * Creates an endpoint.
   *
   * @param limits the limits on requests
   * @param clock the source of the reply's {@code timestamp}
   * @param reader parses a request completely before the model runs
   */
  public Endpoint(
      Description description, Limits limits, Clock clock, Input.Reader<T> reader, Model<T> model) {
    this.description = description;
    this.limits = limits;
    this.clock = clock;
    this.reader = reader;
    this.model = model;
    this.requests = new Semaphore(limits.requests());
    this.requestBytes = new Semaphore(Math.max(limits.requestBytes(), limits.bodyBytes()));
  }

  /**
   * Returns the response to a request.
   *
   * @param body the request body; if it is null or blank, the reply is the description
   */
  public Response answer(@Nullable Object body) {
    String text = body == null ? "" : body.toString();
    try {
      if (text.isBlank()) {
        return Response.of(success(describe()));
      }
      if (exceeds(text, limits.bodyBytes())) {
        throw tooLarge();
      }
      return Response.of(
          success(admit(text.length(), () -> model.answer(Input.read(text, reader)))));
    } catch (Refusal refusal) {
      Response response = Response.of(refusal.code().status(), error(refusal));
      return refusal.code() == Code.OVERLOADED ? response.withHeader("Retry-After", "1") : response;
    }
  }

  /**
   * Returns the tensors that answer an inference, within the limits.
   *
   * @param bytes the length of the request's body, in bytes
   * @param work reads the request's tensors and runs the model
   * @throws Inference.Refused if the request is refused
   */
  public List<Tensor> infer(int bytes, Work<List<Tensor>> work) {
    try {
      if (bytes > limits.bodyBytes()) {
        throw tooLarge();
      }
      return admit(bytes, work);
    } catch (Refusal refusal) {
      int status = refusal.code() == Code.INVALID_FIELD ? 400 : refusal.code().status();
      throw new Inference.Refused(status, String.valueOf(refusal.getMessage()));
    }
  }

  private Refusal tooLarge() {
    return new Refusal(
        Code.TOO_LARGE,
        "body: found more than %1$d bytes, expected at most %1$d".formatted(limits.bodyBytes()));
  }

  /** Limits the number and the total size of concurrent requests, to bound the memory used. */
  private <R> R admit(int size, Work<R> work) throws Refusal {
    if (!requests.tryAcquire()) {
      throw overloaded("%d concurrent requests".formatted(limits.requests()));
    }
    try {
      if (!requestBytes.tryAcquire(size)) {
        throw overloaded(
            "concurrent requests of %d bytes in total".formatted(limits.requestBytes()));
      }
      try {
        return work.run();
      } finally {
        requestBytes.release(size);
      }
    } finally {
      requests.release();
    }
  }

  private static Refusal overloaded(String bound) {
    return new Refusal(
        Code.OVERLOADED,
        "replica: found %s, expected fewer; retry later or add replicas".formatted(bound));
  }

  /** Returns whether the UTF-8 form of a string is longer than a number of bytes. */
  private static boolean exceeds(String text, int bytes) {
    if (text.length() > bytes) {
      return true;
    }
    if ((long) MAX_UTF8_BYTES_PER_CHAR * text.length() <= bytes) {
      return false;
    }
    long size = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // A surrogate pair takes four bytes in UTF-8: two for each of its chars.
      size += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return size > bytes;
  }

  private Map<String, Object> describe() {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("name", description.name());
    reply.put("version", version());
    reply.put("example", description.example());
    reply.put("limits", limits.toMap());
    return reply;
  }

  private static String version() {
    String version = Endpoint.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  private Map<String, Object> success(Map<String, Object> fields) {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("status", "success");
    reply.putAll(fields);
    reply.putIfAbsent("model", description.model());
    reply.put("model_version", description.modelVersion());
    reply.put("timestamp", now());
    return reply;
  }

  private Map<String, Object> error(Refusal refusal) {
    Map<String, Object> reply = new LinkedHashMap<>();
    reply.put("status", "error");
    reply.put("code", refusal.code().word());
    reply.put("error", String.valueOf(refusal.getMessage()));
    reply.put("timestamp", now());
    return reply;
  }

  private double now() {
    return clock.millis() / 1_000.0;
  }
}
