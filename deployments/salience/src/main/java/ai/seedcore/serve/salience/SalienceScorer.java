package ai.seedcore.serve.salience;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorModel;
import ai.seedcore.serve.api.TensorType;
import ai.seedcore.serve.contract.Api;
import ai.seedcore.serve.contract.Endpoint;
import ai.seedcore.serve.contract.Endpoint.Description;
import ai.seedcore.serve.contract.Fields;
import ai.seedcore.serve.contract.Limits;
import ai.seedcore.serve.contract.Options;
import ai.seedcore.serve.contract.Range;
import ai.seedcore.serve.contract.Refusal;
import ai.seedcore.serve.contract.Schema;
import ai.seedcore.serve.contract.Value;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Scores events, or a text, from 0 (ignore) to 1 (needs immediate attention). */
public final class SalienceScorer implements TensorModel {

  private static final String NAME = "SalienceScorer";

  private static final Map<String, Object> EXAMPLE =
      Map.of("features", List.of(Map.of("task_risk", 0.9, "failure_severity", 0.8)));

  private static final double MAX_PRIORITY = 10;
  private static final Range PRIORITY = Range.of(1, MAX_PRIORITY);
  private static final double DEFAULT_PRIORITY = 5;

  /** The number of words from which on a longer text does not score higher. */
  private static final double MAX_WORDS = 100;

  private static final int QUICK_BYTES = 4 << 10;

  /** The maximum length of the option {@code model}, in characters. */
  private static final int MAX_PATH = 4_096;

  private final Model model;
  private final Limits limits;
  private final Endpoint<Request> endpoint;

  /** One request: either events or a text. */
  private static final class Request {
    private List<double[]> events = List.of();
    private int topK;
    private boolean explain;
    private @Nullable String text;
    private double priority = DEFAULT_PRIORITY;
  }

  /** Creates a deployment with the built-in formula and the default limits. */
  public SalienceScorer() {
    this("{}");
  }

  /**
   * Creates a deployment.
   *
   * @param options a JSON object with {@code model}, an ONNX file in the working directory, and
   *     {@code limits}; both are optional
   * @throws IllegalArgumentException if an option is invalid or the model cannot be loaded
   */
  public SalienceScorer(String options) {
    this(
        Options.read(
            options,
            "model",
            input -> new OnnxModel(Path.of(input.text(MAX_PATH))),
            (Model) new Formula()));
  }

  private SalienceScorer(Options<Model> options) {
    this(options.own(), options.limits(), Clock.systemUTC());
  }

  SalienceScorer(Model model, Limits limits, Clock clock) {
    this.model = model;
    this.limits = limits;
    this.endpoint =
        new Endpoint<>(
            new Description(NAME, model.name(), model.version(), EXAMPLE),
            limits,
            clock,
            fields(limits)::read,
            this::score);
  }

  /** Answers one request. Serve requires this name and signature. */
  public Response call(@Nullable Object body) {
    return endpoint.answer(body);
  }

  /** Returns whether a request takes microseconds only: the formula does, for some events. */
  public boolean isQuick(ai.seedcore.serve.api.Request request) {
    return model instanceof Formula && request.body().length <= QUICK_BYTES;
  }

  /** Returns whether the deployment is healthy. Serve calls it every few seconds. */
  public boolean checkHealth() {
    return true;
  }

  @Override
  public List<TensorType> inputs() {
    return List.of(TensorType.of("features", Datatype.FP64, -1, Features.COUNT));
  }

  @Override
  public List<TensorType> outputs() {
    return List.of(TensorType.of("scores", Datatype.FP64, -1));
  }

  @Override
  public String version() {
    return model.version();
  }

  @Override
  public List<Tensor> infer(Inference request) {
    Tensor features = request.input("features");
    return endpoint.infer(
        request.bytes(), () -> List.of(Tensor.of("scores", model.scores(events(features)))));
  }

  private List<double[]> events(Tensor features) throws Refusal {
    int size = features.shape().get(0);
    if (size == 0 || size > limits.items()) {
      throw Refusal.field("features", size + " events", "1 to " + limits.items());
    }
    double[] values = features.doubles();
    List<double[]> events = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      events.add(Features.of(values, i));
    }
    return events;
  }

  private static Fields<Request> fields(Limits limits) {
    Fields<double[]> context =
        new Fields<>(() -> new double[] {DEFAULT_PRIORITY})
            .add("priority", Value.number(PRIORITY), (priority, value) -> priority[0] = value);
    return new Fields<>(Request::new)
        .add(
            "features",
            Value.list(1, limits.items(), Features.EVENT).described("The events to score."),
            (request, events) -> request.events = events)
        .add(
            "top_k",
            Value.integer(1).described("How many of the highest scores to list."),
            (request, value) -> request.topK = value)
        .add(
            "explain",
            Value.flag().described("Whether to say what each score consists of."),
            (request, value) -> request.explain = value)
        .add(
            "text",
            Value.text(limits.textCharacters()).described("The text to score."),
            (request, value) -> request.text = value)
        .add(
            "context",
            new Value<>(context::read, context.schema()),
            (request, priority) -> request.priority = priority[0])
        .kind("text", List.of("text"), "context")
        .kind("features", List.of("features"), "top_k", "explain")
        .otherwise(input -> input.missing("features", "features or text"));
  }

  /**
   * Returns what clients are told of a deployment.
   *
   * @param options the options of the deployment, as for the constructor
   */
  public static Api api(String options) {
    Limits limits =
        Options.<Object>read(options, "model", input -> input.text(MAX_PATH), "").limits();
    Schema reply =
        Api.success()
            .withOptional(
                "scores",
                Schema.list(Schema.FRACTION)
                    .described("One score for each event, in the order of the request."))
            .withOptional(
                "top",
                Schema.list(
                        Schema.object().with("index", Schema.COUNT).with("score", Schema.FRACTION))
                    .described("The events with the highest scores."))
            .withOptional(
                "explanations",
                Schema.list(Schema.mapOf(Schema.NUMBER))
                    .described("The parts of each score, by name."))
            .withOptional("score", Schema.FRACTION.described("The score of the text."));
    return new Api(
        "Scores events, or a text, from 0 (ignore) to 1 (needs immediate attention).",
        fields(limits).schema(),
        reply,
        EXAMPLE);
  }

  private Map<String, Object> score(Request request) {
    Map<String, Object> reply = new LinkedHashMap<>();
    if (request.text != null) {
      double length = Math.min(1, words(request.text) / MAX_WORDS);
      reply.put("score", length * request.priority / MAX_PRIORITY);
      reply.put("model", "text_length");
      return reply;
    }
    double[] scores = model.scores(request.events);
    reply.put("scores", Arrays.stream(scores).boxed().toList());
    if (request.topK > 0) {
      reply.put("top", top(scores, request.topK));
    }
    if (request.explain) {
      reply.put("explanations", model.explain(request.events));
    }
    return reply;
  }

  /** Counts the words, which are separated by white space. */
  private static int words(String text) {
    int words = 0;
    boolean inWord = false;
    for (int i = 0; i < text.length(); i++) {
      boolean letter = !Character.isWhitespace(text.charAt(i));
      words += letter && !inWord ? 1 : 0;
      inWord = letter;
    }
    return words;
  }

  private static List<Map<String, Object>> top(double[] scores, int count) {
    return IntStream.range(0, scores.length)
        .boxed()
        // The sort is stable: equal scores keep the order of their indices.
        .sorted(Comparator.comparingDouble((Integer i) -> scores[i]).reversed())
        .limit(count)
        .map(i -> Map.<String, Object>of("index", i, "score", scores[i]))
        .toList();
  }
}
