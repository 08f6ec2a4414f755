package ai.seedcore.serve.salience;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The built-in model: a sum of four terms, clipped to 0..1. Its weights are those of SeedCore's own
 * clients.
 */
final class SalienceFormula {

  private SalienceFormula() {}

  /** Each term's share of the score, by name. */
  static Map<String, Object> terms(double[] event) {
    Map<String, Object> terms = new LinkedHashMap<>();
    terms.put("risk", risk(event));
    terms.put("capability", capability(event));
    terms.put("load", load(event));
    terms.put("impact", impact(event));
    return terms;
  }

  /** The score of an event, 0..1. */
  static double score(double[] event) {
    double sum = risk(event) + capability(event) + load(event) + impact(event);
    return Math.max(0, Math.min(1, sum));
  }

  private static double risk(double[] event) {
    return 0.4 * Features.TASK_RISK.of(event) * Features.FAILURE_SEVERITY.of(event);
  }

  private static double capability(double[] event) {
    return 0.2 * Features.AGENT_CAPABILITY.of(event);
  }

  private static double load(double[] event) {
    double sum =
        Features.SYSTEM_LOAD.of(event)
            + Features.MEMORY_USAGE.of(event)
            + Features.CPU_USAGE.of(event);
    return 0.2 * sum / 3;
  }

  private static double impact(double[] event) {
    double sum = Features.USER_IMPACT.of(event) + Features.BUSINESS_CRITICALITY.of(event);
    return 0.2 * sum / 2;
  }
}
