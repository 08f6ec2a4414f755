package ai.seedcore.serve.agent.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.api.Datatype;
import ai.seedcore.serve.api.Inference;
import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import ai.seedcore.serve.api.Tensor;
import ai.seedcore.serve.api.TensorModel;
import ai.seedcore.serve.api.TensorType;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class OpenInferenceTest {

  /** Returns what it receives; it takes one tensor of each type, named by it in lower case. */
  private static final class Echo implements TensorModel {
    private final List<TensorType> types = new ArrayList<>();

    Echo() {
      for (Datatype each : Datatype.values()) {
        types.add(TensorType.optional(each.name(), each, -1));
      }
      types.add(TensorType.optional("pairs", Datatype.FP64, -1, 2));
    }

    @Override
    public List<TensorType> inputs() {
      return types;
    }

    @Override
    public List<TensorType> outputs() {
      return types;
    }

    @Override
    public List<Tensor> infer(Inference request) {
      if (request.parameters().containsKey("fail")) {
        throw new IllegalStateException("a bug");
      } else if (request.parameters().containsKey("refuse")) {
        throw new Inference.Refused(422, "not today");
      }
      return List.copyOf(request.inputs().values());
    }

    @Override
    public String version() {
      return "7";
    }
  }

  private static Response respond(String method, String path, byte[] body, int jsonLength)
      throws Exception {
    Map<String, List<String>> headers =
        jsonLength < 0
            ? Map.of()
            : Map.of(InferenceRequest.JSON_LENGTH, List.of(Integer.toString(jsonLength)));
    return OpenInference.respond(new Request(method, "/x", headers, body), path, new Echo());
  }

  private static Response infer(String json) throws Exception {
    return respond("POST", "m/infer", json.getBytes(StandardCharsets.UTF_8), -1);
  }

  private static JsonObject json(Response response) {
    Object body = response.body();
    return body instanceof Map<?, ?> map
        ? new Gson().toJsonTree(map).getAsJsonObject()
        : JsonParser.parseString(String.valueOf(body)).getAsJsonObject();
  }

  private static JsonObject output(Response response) {
    assertThat(response.status()).as(String.valueOf(response.body())).isEqualTo(200);
    return json(response).getAsJsonArray("outputs").get(0).getAsJsonObject();
  }

  private static String input(String datatype, String shape, String data) {
    return "{\"inputs\":[{\"name\":\"%s\",\"shape\":%s,\"datatype\":\"%s\",\"data\":%s}]}"
        .formatted(datatype, shape, datatype, data);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "BOOL   | [true,false]",
        "UINT8  | [0,255]",
        "UINT16 | [0,65535]",
        "UINT32 | [0,4294967295]",
        "UINT64 | [0,18446744073709551615]",
        "INT8   | [-128,127]",
        "INT16  | [-32768,32767]",
        "INT32  | [-2147483648,2147483647]",
        "INT64  | [-9223372036854775808,9223372036854775807]",
        "FP32   | [0.1,3.4028235E38]",
        "FP64   | [0.1,1.7976931348623157E308]",
        "BYTES  | [\"\",\"h\u00e9\\u0000\"]"
      })
  void returnsTheElementsOfEachTypeExactly(String type, String data) throws Exception {
    JsonObject output = output(infer(input(type, "[2]", data)));
    assertThat(output.get("data")).isEqualTo(JsonParser.parseString(data));
    assertThat(output.get("datatype").getAsString()).isEqualTo(type);
    assertThat(output.get("shape")).hasToString("[2]");
  }

  @ParameterizedTest
  @EnumSource(Datatype.class)
  void readsAndWritesEachTypeInBinary(Datatype type) throws Exception {
    byte[] elements =
        type == Datatype.BYTES
            ? new byte[] {2, 0, 0, 0, (byte) 0xff, 'a', 0, 0, 0, 0}
            : ByteBuffer.allocate(2 * type.size())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 1)
                .array();
    String json =
        """
        {"id":"a b","inputs":[{"name":"%s","shape":[2],"datatype":"%1$s",
          "parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}"""
            .formatted(type, elements.length);
    Response response = respond("POST", "m/infer", joined(json, elements), json.length());
    assertThat(response.status()).as(String.valueOf(response.body())).isEqualTo(200);
    assertThat(response.headers().get("Content-Type")).containsExactly("application/octet-stream");
    int length = Integer.parseInt(response.headers().get(InferenceRequest.JSON_LENGTH).get(0));
    byte[] body = (byte[]) response.body();
    JsonObject head =
        JsonParser.parseString(new String(body, 0, length, StandardCharsets.UTF_8))
            .getAsJsonObject();
    assertThat(head.get("id").getAsString()).isEqualTo("a b");
    JsonObject output = head.getAsJsonArray("outputs").get(0).getAsJsonObject();
    assertThat(output.getAsJsonObject("parameters").get("binary_data_size").getAsInt())
        .isEqualTo(elements.length);
    assertThat(Arrays.copyOfRange(body, length, body.length)).isEqualTo(elements);
  }

  private static byte[] joined(String json, byte[] binary) {
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    whole.writeBytes(json.getBytes(StandardCharsets.UTF_8));
    whole.writeBytes(binary);
    return whole.toByteArray();
  }

  /** The elements may be flat or nested, and the members of an object in any order. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"pairs\",\"shape\":[2,2],\"datatype\":\"FP64\",\"data\":[[1,2],[3,4]]}",
        "{\"name\":\"pairs\",\"shape\":[2,2],\"datatype\":\"FP64\",\"data\":[1,2,3,4]}",
        "{\"name\":\"pairs\",\"shape\":[2,2],\"datatype\":\"INT32\",\"data\":[1,2,3,4]}",
        "{\"data\":[[1,2],[3,4]],\"datatype\":\"FP64\",\"shape\":[2,2],\"name\":\"pairs\"}"
      })
  void acceptsEveryFormOfATensor(String input) throws Exception {
    JsonObject output =
        output(infer("{\"unknown\":{\"a\":[]},\"outputs\":[],\"inputs\":[%s]}".formatted(input)));
    assertThat(output.getAsJsonArray("data"))
        .extracting(JsonElement::getAsDouble)
        .containsExactly(1.0, 2.0, 3.0, 4.0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "FP64  | [2]   | [1]                 | found 1 elements",
        "FP64  | [1]   | [[1]]               | found 1 elements in lists of [1, 1]",
        "FP64  | [1]   | [\"1\"]             | expected elements of FP64",
        "FP64  | [1]   | [null]              | expected elements of FP64",
        "FP64  | [1]   | [NaN]               | found no valid request",
        "FP64  | [1]   | [1e999]             | found no valid request",
        "FP32  | [1]   | [1e39]              | expected a number of FP32",
        "FP64  | [2]   | [1,[2]]             | at the same level",
        "FP64  | [1]   | 1                   | expected a list",
        "FP64  | [-1]  | [1]                 | shape: found another list",
        "FP64  | [1.5] | [1]                 | found no valid request",
        "FP64  | [1,1] | [1]                 | expected [-1], where -1 is any number",
        "INT8  | [1]   | [128]               | expected an integer of INT8",
        "INT8  | [1]   | [1.5]               | expected an integer of INT8",
        "UINT64| [1]   | [-1]                | expected an integer of UINT64",
        "BOOL  | [1]   | [1]                 | expected elements of BOOL",
        "BYTES | [1]   | [1]                 | expected elements of BYTES",
        "FP16  | [1]   | [1]                 | datatype: found 'FP16', expected one of",
        "FP64  | [99999999,99999999,99999999] | [1] | found 1 elements"
      })
  void refusesWhatTheTypeOrTheShapeDoesNotAdmit(
      String type, String shape, String data, String message) throws Exception {
    Response response = infer(input(type, shape, data));
    assertThat(response.status()).isEqualTo(400);
    assertThat(json(response).get("error").getAsString()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]                                            | found no valid request",
        "                                              | found no valid request",
        "{} {}                                         | found no valid request",
        "{\"inputs\":[{}]}                             | inputs[0].name: found nothing",
        "{\"inputs\":{}}                               | found no valid request",
        "{\"inputs\":[{\"datatype\":\"<long>\"}]}    | ...",
        "{\"id\":1}                                    | id: found number, expected a string",
        "{\"parameters\":{\"a\":[]}}                   | parameters.a: found begin array",
        "{\"outputs\":[{\"name\":\"none\"}]}           | outputs: found 'none', expected one of",
        "{\"outputs\":[{\"name\":\"FP64\"}]}           | which this request does not have",
        "{\"outputs\":[{\"name\":\"FP64\",\"parameters\":{\"classification\":2}}]} | classification"
      })
  void refusesInvalidRequests(String body, String message) throws Exception {
    Response response = infer(body == null ? "" : body.replace("<long>", "x".repeat(10_000)));
    assertThat(response.status()).isEqualTo(400);
    assertThat(String.valueOf(response.body())).hasSizeLessThan(1_000);
    assertThat(json(response).get("error").getAsString()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[1] | -1   | 8  | parameters.binary_data_size: found -1, expected at most 8",
        "[1] | 9999 | 8  | parameters.binary_data_size: found 9999, expected at most 8",
        "[1] | 5    | 8  | found 5 bytes, expected 1 elements of 8 bytes",
        "[1] | 8    | 11 | found 3 bytes after the tensors",
        "[2147483647,1073741825,1073741824] | 8 | 8 | found 8 bytes, expected 2147483648 elements"
      })
  void refusesBinaryLengthsThatAreWrong(String shape, int size, int bytes, String message)
      throws Exception {
    String json =
        """
        {"inputs":[{"name":"FP64","shape":%s,"datatype":"FP64","parameters":
          {"binary_data_size":%d}}]}"""
            .formatted(shape, size);
    Response response = respond("POST", "m/infer", joined(json, new byte[bytes]), json.length());
    assertThat(response.status()).isEqualTo(400);
    assertThat(json(response).get("error").getAsString()).contains(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "9999", "x", ""})
  void refusesLengthsOfTheJsonThatAreNone(String length) throws Exception {
    Response response =
        OpenInference.respond(
            new Request(
                "POST",
                "/",
                Map.of(InferenceRequest.JSON_LENGTH, List.of(length)),
                "{}".getBytes(StandardCharsets.UTF_8)),
            "m/infer",
            new Echo());
    assertThat(response.status()).isEqualTo(400);
    assertThat(json(response).get("error").getAsString())
        .startsWith(InferenceRequest.JSON_LENGTH + ": found '" + length + "'");
  }

  /** A shape with a zero has no elements, however large its other sizes are. */
  @Test
  void acceptsShapesWithoutElements() throws Exception {
    assertThat(output(infer(input("FP64", "[0]", "[]"))).get("data")).hasToString("[]");
    assertThat(Tensor.of("x", Datatype.FP64, List.of(1 << 30, 1 << 30, 1 << 30, 0), new double[0]))
        .hasToString("x: FP64 [1073741824, 1073741824, 1073741824, 0]");
    assertThatThrownBy(
            () -> Tensor.of("x", Datatype.FP64, List.of(1 << 30, 1 << 30, 4), new double[0]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesTensorsTwiceOrUnknownAndBothFormsOfData() throws Exception {
    String one = "{\"name\":\"FP64\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]%s}";
    for (String inputs :
        List.of(
            one.formatted("") + "," + one.formatted(""),
            one.formatted("").replace("FP64\",\"shape", "else\",\"shape"),
            one.formatted(",\"parameters\":{\"binary_data_size\":0}"),
            one.formatted(",\"datatype\":\"BYTES\""),
            one.formatted(",\"data\":[2]"),
            one.formatted("").replace(",\"data\":[1]", ""))) {
      assertThat(infer("{\"inputs\":[%s]}".formatted(inputs)).status()).as(inputs).isEqualTo(400);
    }
  }

  @Test
  void describesTheModelAndItsOnlyVersion() throws Exception {
    for (String path : List.of("a%20b", "a%20b/versions/7")) {
      JsonObject metadata = json(respond("GET", path, new byte[0], -1));
      assertThat(metadata.get("name").getAsString()).isEqualTo("a b");
      assertThat(metadata.get("versions")).hasToString("[\"7\"]");
      assertThat(metadata.getAsJsonArray("inputs")).hasSize(13);
    }
    assertThat(respond("GET", "m/versions/7/ready", new byte[0], -1).status()).isEqualTo(200);
    assertThat(respond("HEAD", "m", new byte[0], -1).status()).isEqualTo(200);
    for (String path : List.of("m/versions/8", "m/versions/8/ready", "m/config", "m/versions")) {
      assertThat(respond("GET", path, new byte[0], -1).status()).as(path).isEqualTo(404);
    }
    assertThat(respond("GET", "m/infer", new byte[0], -1).status()).isEqualTo(405);
    assertThat(respond("POST", "m", new byte[0], -1).status()).isEqualTo(405);
  }

  @Test
  void writesNumbersThatJsonDoesNotHaveAsNull() {
    InferenceRequest all =
        new InferenceRequest(null, new Inference(Map.of(), Map.of(), 0), Map.of(), false);
    Response response =
        InferenceResponse.of("m", "1", all, List.of(Tensor.of("x", Double.NaN, 1.5)));
    assertThat(String.valueOf(response.body())).contains("\"data\":[null,1.5]");
  }

  @Test
  void tellsTheModelsRefusalsApartFromItsFailures() throws Exception {
    assertThat(infer("{\"parameters\":{\"refuse\":true}}").status()).isEqualTo(422);
    assertThatThrownBy(() -> infer("{\"parameters\":{\"fail\":true}}"))
        .isInstanceOf(IllegalStateException.class);
    Response none =
        OpenInference.respond(new Request("GET", "/", Map.of(), new byte[0]), "m", null);
    assertThat(none.status()).isEqualTo(404);
    assertThat(json(none).get("error").getAsString()).contains("TensorModel");
  }

  @Test
  void aTypeHoldsThoseWhoseValuesItRepresents() {
    Stream.of(Datatype.values()).forEach(type -> assertThat(type.holds(type)).isTrue());
    assertThat(Datatype.FP64.holds(Datatype.UINT32)).isTrue();
    assertThat(Datatype.FP64.holds(Datatype.INT64)).isFalse();
    assertThat(Datatype.FP32.holds(Datatype.INT16)).isTrue();
    assertThat(Datatype.FP32.holds(Datatype.FP64)).isFalse();
    assertThat(Datatype.INT64.holds(Datatype.UINT32)).isTrue();
    assertThat(Datatype.INT64.holds(Datatype.UINT64)).isFalse();
    assertThat(Datatype.UINT64.holds(Datatype.INT8)).isFalse();
    assertThat(Datatype.BYTES.holds(Datatype.UINT8)).isFalse();
    assertThat(Datatype.BOOL.holds(Datatype.UINT8)).isFalse();
    assertThat(Datatype.INT8.holds(Datatype.BOOL)).isFalse();
  }
}
