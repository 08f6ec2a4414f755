package ai.seedcore.serve.salience;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The built-in model, a weighted sum of four terms that is clipped to 0..1. SeedCore's clients use
 * the same weights.
 */
final class Formula implements Model {

  private static final double RISK_WEIGHT = 0.4;
  private static final double CAPABILITY_WEIGHT = 0.2;
  private static final double LOAD_WEIGHT = 0.2;
  private static final double IMPACT_WEIGHT = 0.2;

  @Override
  public String name() {
    return "formula";
  }

  @Override
  public String version() {
    return "1";
  }

  @Override
  public double[] scores(List<double[]> events) {
    double[] scores = new double[events.size()];
    for (int i = 0; i < scores.length; i++) {
      double[] event = events.get(i);
      double sum = risk(event) + capability(event) + load(event) + impact(event);
      scores[i] = Math.max(0, Math.min(1, sum));
    }
    return scores;
  }

  /** Returns the four terms of each score. They sum to the score before clipping. */
  @Override
  public List<Map<String, Double>> explain(List<double[]> events) {
    return events.stream().map(Formula::terms).toList();
  }

  private static Map<String, Double> terms(double[] event) {
    Map<String, Double> terms = new LinkedHashMap<>();
    terms.put("risk", risk(event));
    terms.put("capability", capability(event));
    terms.put("load", load(event));
    terms.put("impact", impact(event));
    return terms;
  }

  private static double risk(double[] event) {
    return RISK_WEIGHT * Features.TASK_RISK.of(event) * Features.FAILURE_SEVERITY.of(event);
  }

  private static double capability(double[] event) {
    return CAPABILITY_WEIGHT * Features.AGENT_CAPABILITY.of(event);
  }

  private static double load(double[] event) {
    double sum =
        Features.SYSTEM_LOAD.of(event)
            + Features.MEMORY_USAGE.of(event)
            + Features.CPU_USAGE.of(event);
    return LOAD_WEIGHT * sum / 3;
  }

  private static double impact(double[] event) {
    double sum = Features.USER_IMPACT.of(event) + Features.BUSINESS_CRITICALITY.of(event);
    return IMPACT_WEIGHT * sum / 2;
  }
}
