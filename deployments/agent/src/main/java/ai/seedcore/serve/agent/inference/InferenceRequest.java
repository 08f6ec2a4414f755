package ai.seedcore.serve.agent.inference;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorType;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A request for an inference, as it was read.
 *
 * @param id the client's name for the request; null if it has none
 * @param inference what the model receives
 * @param outputs whether an output is to be binary, for each output that the client wants; empty if
 *     it wants all
 * @param binary whether all other outputs are to be binary
 */
record InferenceRequest(
    @Nullable String id, Inference inference, Map<String, Boolean> outputs, boolean binary) {

  /** The length of the JSON at the beginning of a body that has binary tensors after it. */
  static final String JSON_LENGTH = "Inference-Header-Content-Length";

  /** The parameter of a tensor that says how many bytes it has after the JSON. */
  static final String BINARY_SIZE = "binary_data_size";

  private static final Set<String> MEMBERS =
      Set.of("name", "datatype", "shape", "parameters", "data");

  /** Parameters of extensions that need more than this protocol. */
  private static final List<String> UNSUPPORTED =
      List.of("classification", "shared_memory_region", "shared_memory_byte_size");

  /** Returns whether the client wants an output. */
  boolean wants(String output) {
    return outputs.isEmpty() || outputs.containsKey(output);
  }

  /** Returns whether an output is to be written in binary. */
  boolean wantsBinary(String output) {
    return outputs.getOrDefault(output, binary);
  }

  /** Refuses the request if it wants an output that the model does not have. */
  void requireOutputs(List<TensorType> known) {
    for (String wanted : outputs.keySet()) {
      if (known.stream().noneMatch(type -> type.name().equals(wanted))) {
        throw new Inference.Refused(
            400,
            "outputs: found '%s', expected one of %s"
                .formatted(wanted, String.join(", ", names(known))));
      }
    }
  }

  private static List<String> names(List<TensorType> types) {
    return types.stream().map(TensorType::name).toList();
  }

  /**
   * Reads a request.
   *
   * @param declared the tensors that the model takes
   * @throws Inference.Refused if the request is not valid; the message names the field
   */
  static InferenceRequest read(Request request, List<TensorType> declared) {
    byte[] body = request.body();
    int length = request.header(JSON_LENGTH).map(given -> length(given, body)).orElse(body.length);
    ByteBuffer binary = ByteBuffer.wrap(body, length, body.length - length).slice();
    String json;
    try {
      json =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body, 0, length)).toString();
    } catch (CharacterCodingException e) {
      throw new Inference.Refused(
          400,
          "body: found bytes that are not UTF-8, expected JSON, or the field %s before binary tensors"
              .formatted(JSON_LENGTH));
    }
    Body read = new Body();
    try {
      read.read(json);
      if (read.incomplete) { // A tensor's data came before its type.
        Body again = new Body();
        again.known.addAll(read.types);
        again.read(json);
        read = again;
      }
    } catch (IOException | IllegalStateException | NumberFormatException e) {
      throw new Inference.Refused(400, "body: found no valid request (%s)".formatted(reason(e)));
    }
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    for (RawTensor raw : read.inputs) {
      Tensor tensor = raw.tensor(binary);
      if (inputs.put(tensor.name(), checked(tensor, declared)) != null) {
        throw new Inference.Refused(
            400, "inputs: found two tensors '%s', expected one".formatted(tensor.name()));
      }
    }
    if (binary.hasRemaining()) {
      throw new Inference.Refused(
          400,
          "body: found %d bytes after the tensors, expected none".formatted(binary.remaining()));
    }
    for (TensorType type : declared) {
      if (type.required() && !inputs.containsKey(type.name())) {
        throw new Inference.Refused(
            400,
            "inputs: found no tensor '%s', expected one of %s %s"
                .formatted(type.name(), type.datatype(), type.shape()));
      }
    }
    boolean allBinary = Boolean.TRUE.equals(read.parameters.remove("binary_data_output"));
    Map<String, Boolean> outputs = new LinkedHashMap<>();
    for (Map.Entry<String, Map<String, Object>> output : read.outputs.entrySet()) {
      refuseUnsupported("outputs." + output.getKey(), output.getValue());
      Object wish = output.getValue().get("binary_data");
      outputs.put(output.getKey(), wish == null ? allBinary : Boolean.TRUE.equals(wish));
    }
    return new InferenceRequest(
        read.id, new Inference(inputs, read.parameters, body.length), outputs, allBinary);
  }

  private static int length(String given, byte[] body) {
    try {
      int length = Integer.parseInt(given.strip());
      if (length >= 0 && length <= body.length) {
        return length;
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw new Inference.Refused(
        400,
        "%s: found '%s', expected 0 to %d, the length of the body"
            .formatted(JSON_LENGTH, given, body.length));
  }

  private static String reason(Exception e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    int end = message.indexOf('\n');
    return end < 0 ? message : message.substring(0, end);
  }

  private static Tensor checked(Tensor tensor, List<TensorType> declared) {
    TensorType type =
        declared.stream()
            .filter(each -> each.name().equals(tensor.name()))
            .findFirst()
            .orElseThrow(
                () ->
                    new Inference.Refused(
                        400,
                        "inputs: found a tensor '%s', expected %s"
                            .formatted(tensor.name(), String.join(", ", names(declared)))));
    if (!type.datatype().holds(tensor.datatype())) {
      throw new Inference.Refused(
          400,
          "inputs.%s.datatype: found %s, expected %s"
              .formatted(tensor.name(), tensor.datatype(), type.datatype()));
    }
    if (!type.admits(tensor.shape())) {
      throw new Inference.Refused(
          400,
          "inputs.%s.shape: found %s, expected %s, where -1 is any number"
              .formatted(tensor.name(), tensor.shape(), type.shape()));
    }
    return tensor;
  }

  private static void refuseUnsupported(String where, Map<String, Object> parameters) {
    for (String unsupported : UNSUPPORTED) {
      if (parameters.containsKey(unsupported)) {
        throw new Inference.Refused(
            400, "%s.parameters: found %s, which is not supported".formatted(where, unsupported));
      }
    }
  }

  /** One input as the JSON describes it. */
  private record RawTensor(
      String name,
      Datatype datatype,
      List<Integer> shape,
      Map<String, Object> parameters,
      @Nullable TensorData data) {

    Tensor tensor(ByteBuffer binary) {
      String where = "inputs." + name;
      refuseUnsupported(where, parameters);
      Object size = parameters.get(BINARY_SIZE);
      if ((size == null) == (data == null)) {
        throw new Inference.Refused(
            400,
            "%s: found %s, expected either data or the parameter %s"
                .formatted(where, data == null ? "neither" : "both", BINARY_SIZE));
      } else if (data != null) {
        return data.tensor(name, datatype, shape);
      } else if (size instanceof Long bytes && bytes >= 0 && bytes <= binary.remaining()) {
        ByteBuffer part = binary.slice(binary.position(), bytes.intValue());
        binary.position(binary.position() + bytes.intValue());
        return BinaryData.read(part, name, datatype, shape);
      }
      throw new Inference.Refused(
          400,
          "%s.parameters.%s: found %s, expected at most %d, the bytes that are left"
              .formatted(where, BINARY_SIZE, size, binary.remaining()));
    }
  }

  /** The JSON of a request, while it is read. Members that are not known are skipped. */
  private static final class Body {

    /** The types of the inputs, in their order, if they are known from a first reading. */
    private final List<@Nullable Datatype> known = new ArrayList<>();

    private final List<@Nullable Datatype> types = new ArrayList<>();
    private final List<RawTensor> inputs = new ArrayList<>();
    private final Map<String, Map<String, Object>> outputs = new LinkedHashMap<>();
    private Map<String, Object> parameters = new LinkedHashMap<>();
    private @Nullable String id;
    private boolean incomplete;

    void read(String json) throws IOException {
      JsonReader reader = new JsonReader(new StringReader(json));
      reader.beginObject();
      while (reader.hasNext()) {
        switch (reader.nextName()) {
          case "id" -> id = text(reader, "id");
          case "parameters" -> parameters = parameters(reader, "parameters");
          case "inputs" -> list(reader, () -> input(reader));
          case "outputs" -> list(reader, () -> output(reader));
          default -> reader.skipValue();
        }
      }
      reader.endObject();
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new IOException("text after the end of the object");
      }
    }

    /** Reads one entry of a list. */
    @FunctionalInterface
    private interface Entry {
      void read() throws IOException;
    }

    private static void list(JsonReader reader, Entry entry) throws IOException {
      reader.beginArray();
      while (reader.hasNext()) {
        entry.read();
      }
      reader.endArray();
    }

    private static String text(JsonReader reader, String where) throws IOException {
      if (reader.peek() != JsonToken.STRING) {
        throw new Inference.Refused(
            400, "%s: found %s, expected a string".formatted(where, found(reader)));
      }
      return reader.nextString();
    }

    private static String found(JsonReader reader) throws IOException {
      return reader.peek().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static Map<String, Object> parameters(JsonReader reader, String where)
        throws IOException {
      Map<String, Object> parameters = new LinkedHashMap<>();
      reader.beginObject();
      while (reader.hasNext()) {
        String name = reader.nextName();
        switch (reader.peek()) {
          case STRING -> parameters.put(name, reader.nextString());
          case BOOLEAN -> parameters.put(name, reader.nextBoolean());
          case NUMBER -> parameters.put(name, number(reader.nextString()));
          default ->
              throw new Inference.Refused(
                  400,
                  "%s.%s: found %s, expected a string, a number or a boolean"
                      .formatted(where, name, found(reader)));
        }
      }
      reader.endObject();
      return parameters;
    }

    private static Object number(String text) {
      try {
        return Long.valueOf(text);
      } catch (NumberFormatException e) {
        return Double.valueOf(text);
      }
    }

    private void output(JsonReader reader) throws IOException {
      String name = null;
      Map<String, Object> wishes = Map.of();
      reader.beginObject();
      while (reader.hasNext()) {
        switch (reader.nextName()) {
          case "name" -> name = text(reader, "outputs.name");
          case "parameters" -> wishes = parameters(reader, "outputs.parameters");
          default -> reader.skipValue();
        }
      }
      reader.endObject();
      outputs.put(required(name, "outputs", "name"), wishes);
    }

    private void input(JsonReader reader) throws IOException {
      int index = types.size();
      String name = null;
      Datatype datatype = null;
      List<Integer> shape = null;
      Map<String, Object> with = Map.of();
      TensorData data = null;
      boolean skipped = false;
      Set<String> read = new HashSet<>();
      reader.beginObject();
      while (reader.hasNext()) {
        String member = reader.nextName();
        if (MEMBERS.contains(member) && !read.add(member)) {
          throw new Inference.Refused(
              400, "inputs[%d].%s: found two, expected one".formatted(index, member));
        }
        switch (member) {
          case "name" -> name = text(reader, "inputs[%d].name".formatted(index));
          case "datatype" -> datatype = datatype(text(reader, "inputs.datatype"), index);
          case "shape" -> shape = shape(reader, index);
          case "parameters" -> with = parameters(reader, "inputs[%d].parameters".formatted(index));
          case "data" -> {
            Datatype type = datatype == null && index < known.size() ? known.get(index) : datatype;
            if (type == null) {
              reader.skipValue();
              skipped = true;
            } else {
              data = TensorData.read(reader, type, "inputs[%d].data".formatted(index));
            }
          }
          default -> reader.skipValue();
        }
      }
      reader.endObject();
      types.add(datatype);
      incomplete |= skipped && datatype != null;
      String where = "inputs[%d]".formatted(index);
      inputs.add(
          new RawTensor(
              required(name, where, "name"),
              required(datatype, where, "datatype"),
              required(shape, where, "shape"),
              with,
              data));
    }

    private static <T> T required(@Nullable T value, String where, String name) {
      if (value == null) {
        throw new Inference.Refused(
            400, "%s.%s: found nothing, expected one".formatted(where, name));
      }
      return value;
    }

    private static Datatype datatype(String name, int index) {
      for (Datatype each : Datatype.values()) {
        if (each.name().equals(name)) {
          return each;
        }
      }
      throw new Inference.Refused(
          400,
          "inputs[%d].datatype: found '%s', expected one of %s"
              .formatted(index, name, List.of(Datatype.values())));
    }

    private static List<Integer> shape(JsonReader reader, int index) throws IOException {
      List<Integer> shape = new ArrayList<>();
      list(
          reader,
          () -> {
            int size = reader.peek() == JsonToken.NUMBER ? reader.nextInt() : -1;
            if (size < 0 || shape.size() == TensorData.MAX_RANK) {
              throw new Inference.Refused(
                  400,
                  "inputs[%d].shape: found another list, expected at most %d integers, 0 or more"
                      .formatted(index, TensorData.MAX_RANK));
            }
            shape.add(size);
          });
      return shape;
    }
  }
}
