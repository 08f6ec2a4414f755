package ai.seedcore.serve.salience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** {@code model/train.py} and {@code wrong_models.py} created the model files. */
class OnnxModelTest {

  @Test
  void scoresMatchScikitLearn() throws Exception {
    List<double[]> events = new ArrayList<>();
    List<Double> expected = new ArrayList<>();
    readAnswers(events, expected);
    assertThat(events).hasSize(1_000);
    OnnxModel model = new OnnxModel(file("salience.onnx"));
    double[] scores = model.scores(events);
    double worst =
        IntStream.range(0, 1_000)
            .mapToDouble(i -> Math.abs(scores[i] - expected.get(i)))
            .max()
            .orElse(1);
    assertThat(worst).isLessThan(1e-5);
    assertThat(model.name()).isEqualTo("salience.onnx");
    assertThat(model.version()).matches("[0-9a-f]{12}");
  }

  @Test
  void explainsScoreByResettingEachFeatureToDefault() throws Exception {
    OnnxModel model = new OnnxModel(file("salience.onnx"));
    double[] event = Features.defaults();
    event[Features.TASK_RISK.ordinal()] = 0.95;
    event[Features.ERROR_RATE.ordinal()] = 0.4;
    double[] without = event.clone();
    without[Features.ERROR_RATE.ordinal()] = 0;
    double[] scores = model.scores(List.of(event, without));
    Map<String, Double> contributions = model.explain(List.of(event)).get(0);
    assertThat(contributions.get("error_rate")).isCloseTo(scores[0] - scores[1], within(1e-12));
    assertThat(contributions.get("error_rate")).isPositive();
    assertThat(contributions.get("cpu_usage")).isZero();
    assertThat(contributions).hasSize(12);
  }

  @Test
  void runsDoubleModelAndModelWithFixedBatch() {
    double[] event = new double[12];
    Arrays.fill(event, 0.25);
    List<double[]> three = List.of(event, Features.defaults(), event);
    assertThat(new OnnxModel(file("mean-double.onnx")).scores(three)[2])
        .isCloseTo(0.25, within(1e-12));
    // The model returns 3, which is clipped to 1.
    assertThat(new OnnxModel(file("one-by-one.onnx")).scores(three)).containsExactly(1, 1, 1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          five-inputs.onnx | found an input of shape [-1, 5], expected a regressor
          classifier.onnx | found output y of type
          two-outputs.onnx | found 2 outputs, [y, z]
          twelve-answers.onnx | found 24 outputs for 2 events
          not-a-number.onnx | returned NaN
          answers.json | found no model that ONNX Runtime can load
          nowhere.onnx | found no such file in the replica's working directory
          """)
  void rejectsUnsuitableModelWhenLoading(String name, String reason) {
    assertThatThrownBy(() -> new OnnxModel(file(name)))
        .hasMessageContaining(name)
        .hasMessageContaining(reason);
  }

  @Test
  void rejectsTruncatedModel(@TempDir Path folder) throws IOException {
    byte[] whole = Files.readAllBytes(file("salience.onnx"));
    Path half = Files.write(folder.resolve("half.onnx"), Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> new OnnxModel(half))
        .hasMessageContaining("found no model that ONNX Runtime can load");
  }

  @Test
  void loadsModelFromOptionsAndNamesItInReply() {
    String options = "{\"model\": \"%s\"}".formatted(file("salience.onnx"));
    Map<?, ?> reply = (Map<?, ?>) new SalienceScorer(options).call("{\"features\": [{}]}").body();
    assertThat(reply.get("model")).isEqualTo("salience.onnx");
    assertThat((List<?>) reply.get("scores")).hasSize(1);
    assertThatThrownBy(() -> new SalienceScorer("{\"model\": 5}"))
        .hasMessage("init_args[0].model: found 5, expected a string of 1 to 4096 characters");
    assertThatThrownBy(() -> new SalienceScorer("{\"modle\": \"a\"}"))
        .hasMessage("init_args[0].modle: found an unknown field, expected one of limits, model");
  }

  private static Path file(String name) {
    return Path.of(System.getProperty("basedir", "."))
        .resolve("src/test/resources/ai/seedcore/serve/salience")
        .resolve(name)
        .toAbsolutePath();
  }

  private static void readAnswers(List<double[]> events, List<Double> scores) throws Exception {
    try (JsonParser json =
        JsonFactory.builder()
            .build()
            .createParser(ObjectReadContext.empty(), Files.readString(file("answers.json")))) {
      double[] event = null;
      while (json.nextToken() != null) {
        String name = String.valueOf(json.currentName());
        switch (json.currentToken()) {
          case START_OBJECT -> event = new double[12];
          case END_OBJECT -> events.add(event);
          case VALUE_NUMBER_FLOAT, VALUE_NUMBER_INT -> {
            if (json.streamReadContext().inArray()) {
              scores.add(json.getDoubleValue());
            } else {
              event[Features.valueOf(name.toUpperCase(java.util.Locale.ROOT)).ordinal()] =
                  json.getDoubleValue();
            }
          }
          default -> {}
        }
      }
      events.remove(events.size() - 1); // The last object is the document itself.
    }
  }
}
