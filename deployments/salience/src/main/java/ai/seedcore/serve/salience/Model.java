package ai.seedcore.serve.salience;

import java.util.List;
import java.util.Map;

/**
 * Scores events. An event is an array of {@link Features#COUNT} values, indexed by the features'
 * ordinals.
 */
interface Model {

  /** Returns the model's name for the reply's field {@code model}. */
  String name();

  /** Returns the model's version for the reply's field {@code model_version}. */
  String version();

  /** Returns one score per event, 0..1, in the order of the events. */
  double[] scores(List<double[]> events);

  /** Returns the contributions to the score of each event, in the order of the events. */
  List<Map<String, Double>> explain(List<double[]> events);
}
