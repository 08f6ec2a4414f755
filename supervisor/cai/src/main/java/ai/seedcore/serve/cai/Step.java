package ai.seedcore.serve.cai;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** One thing to be done so that the applications are as they are wanted. */
sealed interface Step {

  /** It is as it is wanted. */
  record Keep(Application found) implements Step {}

  /** There is none of the name. */
  record Create(AppSpec wanted) implements Step {}

  /** It has ended. */
  record Restart(Application found) implements Step {}

  /** It is otherwise than wanted. */
  record Change(Application found, AppSpec wanted) implements Step {}

  /** It is ours, and no longer wanted; or a second one of a name. */
  record Remove(Application found) implements Step {}

  /**
   * What is to be done, in order.
   *
   * @param prefix what the names of all that is ours begin with, worker and others
   */
  static List<Step> plan(List<AppSpec> wanted, List<Application> found, String prefix) {
    Map<String, Application> first = new HashMap<>();
    List<Step> steps = new ArrayList<>();
    List<String> names = wanted.stream().map(AppSpec::name).toList();
    for (Application application : found) {
      boolean ours = names.contains(application.name());
      boolean was = application.name().matches(Pattern.quote(prefix) + "-worker-[0-9]+");
      if ((ours && first.putIfAbsent(application.name(), application) != null) || (!ours && was)) {
        steps.add(new Remove(application));
      }
    }
    for (AppSpec spec : wanted) {
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
