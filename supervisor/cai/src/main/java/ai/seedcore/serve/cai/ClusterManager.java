package ai.seedcore.serve.cai;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Launches, lists and stops the applications of a cluster. All operations are idempotent: they
 * compare the existing applications with the desired state and do only what is missing.
 */
final class ClusterManager {

  private final CmlApi api;
  private final String project;
  private final Duration poll;
  private final Duration timeout;
  private final Consumer<String> output;

  /**
   * Creates a manager.
   *
   * @param poll the pause between two polls of the API
   * @param timeout how long to wait for the applications
   * @param output receives a line for each action and each change of a state
   */
  ClusterManager(
      CmlApi api, String project, Duration poll, Duration timeout, Consumer<String> output) {
    this.api = api;
    this.project = project;
    this.poll = poll;
    this.timeout = timeout;
    this.output = output;
  }

  /**
   * Brings the applications to the desired state and waits until all of them run.
   *
   * @throws CmlException if an application fails or does not run in time. The applications stay, so
   *     that their logs are available and another launch can continue.
   */
  List<Application> launch(Cluster cluster) {
    List<AppSpec> desired = cluster.applications(project);
    for (Step step : Step.plan(desired, api.applications(project), cluster.name())) {
      perform(step);
    }
    List<String> names = desired.stream().map(AppSpec::name).toList();
    return await(
        cluster.name(),
        "running",
        found -> {
          List<String> failed =
              found.stream()
                  .filter(each -> names.contains(each.name()))
                  .filter(each -> each.state() == Application.State.FAILED)
                  .map(Application::name)
                  .toList();
          if (!failed.isEmpty()) {
            throw new CmlException(
                422,
                "%s failed; see its log in the workbench, and retry with 'cai launch'"
                    .formatted(String.join(", ", failed)));
          }
          return names.stream()
              .allMatch(
                  name ->
                      found.stream()
                          .anyMatch(
                              each ->
                                  each.name().equals(name)
                                      && each.state() == Application.State.RUNNING));
        });
  }

  private void perform(Step step) {
    if (step instanceof Step.Keep keep) {
      output.accept("%s: %s, unchanged".formatted(keep.found().name(), state(keep.found())));
    } else if (step instanceof Step.Create create) {
      output.accept(create.desired().name() + ": creating");
      api.createApplication(project, create.desired());
    } else if (step instanceof Step.Restart restart) {
      output.accept("%s: %s, restarting".formatted(restart.found().name(), state(restart.found())));
      awaitStopped(restart.found());
      api.restart(project, restart.found());
    } else if (step instanceof Step.Change change) {
      output.accept(change.found().name() + ": updating");
      if (change.found().state() == Application.State.STOPPING) {
        awaitStopped(change.found());
      }
      api.changeApplication(project, change.found(), change.desired());
      api.restart(project, change.found());
    } else if (step instanceof Step.Remove remove) {
      output.accept(remove.found().name() + ": no longer needed, removing");
      stop(remove.found());
      awaitStopped(remove.found());
      api.delete(project, remove.found());
    }
  }

  /** Returns the existing applications of a cluster, the head first. */
  List<Application> list(String name) {
    Pattern names = Pattern.compile(Pattern.quote(name) + "-(head|serve|worker-[0-9]+)");
    return api.applications(project).stream()
        .filter(each -> names.matcher(each.name()).matches())
        .sorted(
            Comparator.comparingInt((Application each) -> each.name().endsWith("-head") ? 0 : 1)
                .thenComparing(each -> each.name().length())
                .thenComparing(Application::name))
        .toList();
  }

  /** Stops the applications, the daemon first and the head last, and optionally deletes them. */
  void stop(String name, boolean delete) {
    List<Application> found = new ArrayList<>(list(name));
    found.sort(
        Comparator.comparingInt(
            each -> each.name().endsWith("-serve") ? 0 : each.name().endsWith("-head") ? 2 : 1));
    for (Application application : found) {
      if (stop(application)) {
        output.accept(application.name() + ": stopping");
      }
    }
    await(name, "stopped", all -> all.stream().allMatch(ClusterManager::ended));
    if (delete) {
      for (Application application : found) {
        api.delete(project, application);
        output.accept(application.name() + ": deleted");
      }
      await(name, "deleted", List::isEmpty);
    }
  }

  /** Stops an application unless it is stopped or stopping. Returns whether it did. */
  private boolean stop(Application application) {
    // Also stops a failed application, which the platform would restart.
    if (application.state() == Application.State.STOPPED
        || application.state() == Application.State.STOPPING) {
      return false;
    }
    api.stop(project, application);
    return true;
  }

  private void awaitStopped(Application application) {
    await(
        application.name(),
        "stopped",
        unused ->
            api.applications(project).stream()
                .filter(each -> each.id().equals(application.id()))
                .allMatch(ClusterManager::ended));
  }

  private static boolean ended(Application application) {
    return application.state() == Application.State.STOPPED
        || application.state() == Application.State.FAILED;
  }

  /**
   * Polls the applications until a condition holds, and prints their states when they change.
   *
   * @param goal the state to wait for, for the error message
   */
  private List<Application> await(
      String name, String goal, Predicate<List<Application>> condition) {
    long limit = System.nanoTime() + timeout.toNanos();
    Map<String, String> printed = new HashMap<>();
    while (true) {
      List<Application> found = list(name);
      if (condition.test(found)) {
        return found;
      }
      for (Application each : found) {
        if (!state(each).equals(printed.put(each.name(), state(each)))) {
          output.accept("%s: %s".formatted(each.name(), state(each)));
        }
      }
      if (System.nanoTime() >= limit) {
        throw new CmlException(
            0,
            "not all applications are %s after %d s: %s; repeat the command to continue, or wait longer with --timeout"
                .formatted(
                    goal,
                    timeout.toSeconds(),
                    String.join(
                        ", ",
                        found.stream().map(each -> each.name() + " " + state(each)).toList())));
      }
      try {
        TimeUnit.MILLISECONDS.sleep(poll.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CmlException(400, "interrupted; repeat the command to continue");
      }
    }
  }

  private static String state(Application application) {
    return application.state().name().toLowerCase(Locale.ROOT);
  }
}
