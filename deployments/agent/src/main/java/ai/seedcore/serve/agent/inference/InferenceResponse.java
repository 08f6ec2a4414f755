package ai.seedcore.serve.agent.inference;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import com.google.gson.stream.JsonWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes the response to an inference: JSON, and binary tensors after it if there are any. */
final class InferenceResponse {

  private InferenceResponse() {}

  static Response of(String name, String version, InferenceRequest asked, List<Tensor> outputs) {
    ByteArrayOutputStream binary = new ByteArrayOutputStream();
    StringWriter text = new StringWriter();
    boolean anyBinary = false;
    try (JsonWriter json = new JsonWriter(text)) {
      json.setHtmlSafe(false);
      json.beginObject();
      json.name("model_name").value(name).name("model_version").value(version);
      if (asked.id() != null) {
        json.name("id").value(asked.id());
      }
      json.name("outputs").beginArray();
      for (Tensor output : outputs) {
        json.beginObject().name("name").value(output.name());
        json.name("datatype").value(output.datatype().name()).name("shape").beginArray();
        for (int size : output.shape()) {
          json.value(size);
        }
        json.endArray();
        if (asked.wantsBinary(output.name())) {
          byte[] bytes = BinaryData.write(output);
          json.name("parameters").beginObject();
          json.name(InferenceRequest.BINARY_SIZE).value(bytes.length).endObject();
          binary.write(bytes);
          anyBinary = true;
        } else {
          json.name("data").beginArray();
          data(output, json);
          json.endArray();
        }
        json.endObject();
      }
      json.endArray().endObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // A text can be appended to.
    }
    if (!anyBinary) {
      return Response.of(text.toString()).withHeader("Content-Type", "application/json");
    }
    byte[] head = text.toString().getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream whole = new ByteArrayOutputStream(head.length + binary.size());
    whole.writeBytes(head);
    whole.writeBytes(binary.toByteArray());
    return Response.of(whole.toByteArray())
        .withHeader("Content-Type", "application/octet-stream")
        .withHeader(InferenceRequest.JSON_LENGTH, Integer.toString(head.length));
  }

  private static void data(Tensor output, JsonWriter json) throws IOException {
    Datatype datatype = output.datatype();
    if (datatype == Datatype.BYTES) {
      for (String text : output.texts()) {
        json.value(text);
      }
    } else if (datatype.isFloat()) {
      for (double number : output.doubles()) {
        if (!Double.isFinite(number)) {
          json.nullValue(); // JSON has no such number.
        } else if (datatype == Datatype.FP32) {
          json.jsonValue(Float.toString((float) number)); // As few digits as it has.
        } else {
          json.value(number);
        }
      }
    } else {
      for (long integer : output.longs()) {
        if (datatype == Datatype.BOOL) {
          json.value(integer != 0);
        } else {
          json.jsonValue(
              datatype.isUnsigned() ? Long.toUnsignedString(integer) : Long.toString(integer));
        }
      }
    }
  }
}
