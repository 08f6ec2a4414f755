package ai.seedcore.serve.cai;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** One step that brings an application to its desired state. */
sealed interface Step {

  /** The application has the desired state. */
  record Keep(Application found) implements Step {}

  /** The application does not exist. */
  record Create(AppSpec desired) implements Step {}

  /** The application is stopped, stopping or failed. */
  record Restart(Application found) implements Step {}

  /** The application differs from the desired state. */
  record Change(Application found, AppSpec desired) implements Step {}

  /** The application is a worker that is no longer needed, or has the same name as another one. */
  record Remove(Application found) implements Step {}

  /**
   * Returns the steps, in order.
   *
   * @param desired the desired applications
   * @param found the existing applications of the project
   * @param prefix the prefix of the names of the cluster's applications
   */
  static List<Step> plan(List<AppSpec> desired, List<Application> found, String prefix) {
    Map<String, Application> first = new HashMap<>();
    List<Step> steps = new ArrayList<>();
    List<String> names = desired.stream().map(AppSpec::name).toList();
    for (Application application : found) {
      boolean needed = names.contains(application.name());
      boolean worker = application.name().matches(Pattern.quote(prefix) + "-worker-[0-9]+");
      boolean duplicate = needed && first.putIfAbsent(application.name(), application) != null;
      if (duplicate || (!needed && worker)) {
        steps.add(new Remove(application));
      }
    }
    for (AppSpec spec : desired) {
      Application application = first.get(spec.name());
      if (application == null) {
        steps.add(new Create(spec));
      } else if (!spec.matches(application)) {
        steps.add(new Change(application, spec));
      } else {
        steps.add(
            switch (application.state()) {
              case STARTING, RUNNING, UNKNOWN -> new Keep(application);
              case STOPPING, STOPPED, FAILED -> new Restart(application);
            });
      }
    }
    return steps;
  }
}
