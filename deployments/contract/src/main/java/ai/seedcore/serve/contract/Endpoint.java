package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * The frame around a model: from the request's text to the reply's map.
 *
 * <p>Serve's proxy lets a Java replica answer 200 or 500 only. So what is wrong with a request is
 * told in the reply, and an exception is left for our own faults.
 *
 * @param <T> what the model needs of a request
 */
public final class Endpoint<T> {

  /**
   * What a model makes of a request.
   *
   * @param <T> what it needs of the request
   */
  @FunctionalInterface
  public interface Model<T> {
    /** The fields of a success; {@code model} only where it is another than the description's. */
    Map<String, Object> answer(T request);
  }

  /**
   * What a deployment says of itself when it is asked nothing.
   *
   * @param name the deployment's name
   * @param model the model's name
   * @param modelVersion the model's version
   * @param example a request that it answers
   */
  public record Description(
      String name, String model, String modelVersion, Map<String, Object> example) {}

  private final Description description;
  private final Limits limits;
  private final Clock clock;
  private final Input.Reader<T> reader;
  private final Model<T> model;
  private final Semaphore requests;
  private final Semaphore requestBytes;

  /**
   * A frame.
   *
   * @param reader reads a request, all of it before anything is computed
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
   * The reply to a body.
   *
   * @param body the request's text as the proxy hands it over; null or blank asks for the
   *     description
   */
  public Map<String, Object> answer(@Nullable Object body) {
    String text = body == null ? "" : body.toString();
    try {
      if (text.isBlank()) {
        return success(describe());
      }
      if (exceeds(text, limits.bodyBytes())) {
        throw new Refusal(
            Code.TOO_LARGE,
            "body: found more than %1$d bytes, expected %1$d at most"
                .formatted(limits.bodyBytes()));
      }
      return success(admit(text));
    } catch (Refusal refusal) {
      return error(refusal);
    }
  }

  /** Bounds what is worked on at a time: memory is what a replica has least of. */
  private Map<String, Object> admit(String text) throws Refusal {
    if (!requests.tryAcquire()) {
      throw overloaded("%d requests".formatted(limits.requests()));
    }
    try {
      if (!requestBytes.tryAcquire(text.length())) {
        throw overloaded("requests of %d bytes in all".formatted(limits.requestBytes()));
      }
      try {
        return model.answer(Input.read(text, reader));
      } finally {
        requestBytes.release(text.length());
      }
    } finally {
      requests.release();
    }
  }

  private static Refusal overloaded(String bound) {
    return new Refusal(
        Code.OVERLOADED,
        "replica: found it at work on %s already, expected fewer: try again later, or add replicas"
            .formatted(bound));
  }

  /** Whether a text is longer in UTF-8 than so many bytes. */
  private static boolean exceeds(String text, int bytes) {
    if (text.length() > bytes) {
      return true;
    }
    if (3L * text.length() <= bytes) {
      return false;
    }
    long size = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      // Each half of a surrogate pair stands for two of its four bytes.
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
