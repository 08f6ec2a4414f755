package ai.seedcore.serve.salience;

import java.util.List;
import java.util.Map;

/** Scores events; each event is an array of {@link Features#COUNT} values, by their ordinals. */
interface Model {

  /** The model's name, as replies give it. */
  String name();

  /** The model's version, as replies give it. */
  String version();

  /** The events' scores, 0..1, in their order. */
  double[] scores(List<double[]> events);

  /** What each event's score is made of, by term, in their order. */
  List<Map<String, Double>> explain(List<double[]> events);
}
