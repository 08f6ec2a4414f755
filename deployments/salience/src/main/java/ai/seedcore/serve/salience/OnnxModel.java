package ai.seedcore.serve.salience;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A regressor in an ONNX file, run by ONNX Runtime. The constructor checks the inputs and outputs
 * and runs the model once, so that an unsuitable file fails the deployment instead of requests.
 */
final class OnnxModel implements Model {

  /** The maximum number of rows per run, which bounds the memory used. */
  private static final int MAX_BATCH = 4_096;

  /** The size of a dimension that the model leaves open. */
  private static final long DYNAMIC = -1;

  /** The number of hexadecimal digits of the file's SHA-256 that make up the version. */
  private static final int VERSION_LENGTH = 12;

  private static final String EXPECTED =
      "a regressor with one input of [batch, %d] and one output of [batch, 1], float or double"
          .formatted(Features.COUNT);

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final Path file;
  private final String input;
  private final OnnxJavaType type;

  /** The rows per run that the model requires; 0 if it accepts any number. */
  private final int fixedBatch;

  private final String version;

  /**
   * Loads a model.
   *
   * @throws IllegalArgumentException if the file is missing, is not an ONNX model, or is not a
   *     regressor with the expected input and output
   */
  OnnxModel(Path file) {
    this.file = file;
    byte[] bytes = bytes(file);
    this.version = sha256(bytes).substring(0, VERSION_LENGTH);
    OnnxLibrary.unpack();
    environment = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      // Requests already run concurrently; thread pools would only cost memory.
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      session = environment.createSession(bytes, options);
    } catch (OrtException e) {
      throw wrong("found no model that ONNX Runtime can load (%s)".formatted(e.getMessage()));
    }
    Map.Entry<String, NodeInfo> in = only(inputs(), "input");
    TensorInfo shape = tensor(in.getValue(), "input " + in.getKey());
    long[] dimensions = shape.getShape();
    boolean matches =
        dimensions.length == 2
            && (dimensions[0] == DYNAMIC || dimensions[0] >= 1)
            && (dimensions[1] == DYNAMIC || dimensions[1] == Features.COUNT);
    if (!matches) {
      throw wrong("found an input of shape " + Arrays.toString(dimensions));
    }
    input = in.getKey();
    type = shape.type;
    fixedBatch = dimensions[0] == DYNAMIC ? 0 : (int) Math.min(MAX_BATCH, dimensions[0]);
    Map.Entry<String, NodeInfo> out = only(outputs(), "output");
    tensor(out.getValue(), "output " + out.getKey());
    scores(List.of(Features.defaults(), Features.defaults()));
  }

  @Override
  public String name() {
    return file.getFileName().toString();
  }

  /** Returns the first digits of the file's SHA-256. */
  @Override
  public String version() {
    return version;
  }

  @Override
  public double[] scores(List<double[]> events) {
    double[] scores = new double[events.size()];
    int step = fixedBatch == 0 ? MAX_BATCH : fixedBatch;
    for (int from = 0; from < scores.length; from += step) {
      List<double[]> batch = events.subList(from, Math.min(scores.length, from + step));
      System.arraycopy(run(batch), 0, scores, from, batch.size());
    }
    return scores;
  }

  /**
   * Returns, for each event and feature, the event's score minus its score with that feature alone
   * set to the default.
   */
  @Override
  public List<Map<String, Double>> explain(List<double[]> events) {
    List<Map<String, Double>> explanations = new ArrayList<>(events.size());
    for (double[] event : events) {
      List<double[]> variants = new ArrayList<>(Features.COUNT + 1);
      variants.add(event);
      for (Features feature : Features.values()) {
        double[] variant = event.clone();
        variant[feature.ordinal()] = feature.absent;
        variants.add(variant);
      }
      double[] scores = scores(variants);
      Map<String, Double> contributions = new LinkedHashMap<>();
      for (Features feature : Features.values()) {
        contributions.put(feature.field, scores[0] - scores[feature.ordinal() + 1]);
      }
      explanations.add(contributions);
    }
    return explanations;
  }

  private double[] run(List<double[]> events) {
    int rows = fixedBatch == 0 ? events.size() : fixedBatch;
    long[] shape = {rows, Features.COUNT};
    try (OnnxTensor tensor = tensor(events, rows, shape);
        OrtSession.Result result = session.run(Map.of(input, tensor))) {
      double[] values = values((OnnxTensor) result.get(0), rows);
      double[] scores = new double[events.size()];
      for (int i = 0; i < scores.length; i++) {
        if (Double.isNaN(values[i])) {
          throw new IllegalStateException(
              "model %s: returned NaN for event %s"
                  .formatted(file, Arrays.toString(events.get(i))));
        }
        scores[i] = Math.max(0, Math.min(1, values[i]));
      }
      return scores;
    } catch (OrtException e) {
      throw wrong("inference failed (%s)".formatted(e.getMessage()));
    }
  }

  private OnnxTensor tensor(List<double[]> events, int rows, long[] shape) throws OrtException {
    double[] flat = new double[rows * Features.COUNT];
    for (int i = 0; i < events.size(); i++) {
      System.arraycopy(events.get(i), 0, flat, i * Features.COUNT, Features.COUNT);
    }
    if (type == OnnxJavaType.DOUBLE) {
      return OnnxTensor.createTensor(environment, DoubleBuffer.wrap(flat), shape);
    }
    float[] narrow = new float[flat.length];
    for (int i = 0; i < flat.length; i++) {
      narrow[i] = (float) flat[i];
    }
    return OnnxTensor.createTensor(environment, FloatBuffer.wrap(narrow), shape);
  }

  private double[] values(OnnxTensor output, int rows) {
    double[] values = new double[rows];
    FloatBuffer floats = output.getFloatBuffer();
    DoubleBuffer doubles = output.getDoubleBuffer();
    int found = floats != null ? floats.remaining() : doubles == null ? 0 : doubles.remaining();
    if (found != rows) {
      throw wrong("found %d outputs for %d events".formatted(found, rows));
    }
    for (int i = 0; i < rows; i++) {
      values[i] = floats != null ? floats.get(i) : doubles.get(i);
    }
    return values;
  }

  private Map<String, NodeInfo> inputs() {
    try {
      return session.getInputInfo();
    } catch (OrtException e) {
      throw wrong("cannot read its inputs (%s)".formatted(e.getMessage()));
    }
  }

  private Map<String, NodeInfo> outputs() {
    try {
      return session.getOutputInfo();
    } catch (OrtException e) {
      throw wrong("cannot read its outputs (%s)".formatted(e.getMessage()));
    }
  }

  private Map.Entry<String, NodeInfo> only(Map<String, NodeInfo> nodes, String kind) {
    if (nodes.size() != 1) {
      throw wrong("found %d %ss, %s".formatted(nodes.size(), kind, nodes.keySet()));
    }
    return nodes.entrySet().iterator().next();
  }

  private TensorInfo tensor(NodeInfo node, String what) {
    if (node.getInfo() instanceof TensorInfo info
        && (info.type == OnnxJavaType.FLOAT || info.type == OnnxJavaType.DOUBLE)) {
      return info;
    }
    throw wrong("found %s of type %s".formatted(what, node.getInfo()));
  }

  private IllegalArgumentException wrong(String found) {
    return new IllegalArgumentException(
        "model %s: %s, expected %s".formatted(file, found, EXPECTED));
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          ("model %s: found no such file in the replica's working directory, %s; list it in the"
                  + " deployment's files")
              .formatted(file, Path.of("").toAbsolutePath()),
          e);
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
