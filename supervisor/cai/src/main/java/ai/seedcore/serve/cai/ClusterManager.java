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
 * Creates, waits for, lists and stops a cluster's applications. Whatever was done before, all, half
 * or nothing: each command looks at what is there and does the rest.
 */
final class ClusterManager {

  private final CmlApi api;
  private final String project;
  private final Duration poll;
  private final Duration timeout;
  private final Consumer<String> said;

  ClusterManager(
      CmlApi api, String project, Duration poll, Duration timeout, Consumer<String> said) {
    this.api = api;
    this.project = project;
    this.poll = poll;
    this.timeout = timeout;
    this.said = said;
  }

  /**
   * Makes the applications what is wanted, and waits until all of them run.
   *
   * @throws CmlException where one does not: what was made stays, to be looked at; launching again
   *     goes on from there
   */
  List<Application> launch(Cluster cluster) {
    List<AppSpec> wanted = cluster.applications(project);
    for (Step step : Step.plan(wanted, api.applications(project), cluster.name())) {
      perform(step);
    }
    List<String> names = wanted.stream().map(AppSpec::name).toList();
    return await(
        cluster.name(),
        "run",
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
                "%s failed; its log in the workbench says why, and 'cai launch' tries again"
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
      said.accept("%s: %s, left alone".formatted(keep.found().name(), word(keep.found())));
    } else if (step instanceof Step.Create create) {
      said.accept(create.wanted().name() + ": created");
      api.createApplication(project, create.wanted());
    } else if (step instanceof Step.Restart restart) {
      said.accept("%s: %s, started again".formatted(restart.found().name(), word(restart.found())));
      awaitStopped(restart.found());
      api.restart(project, restart.found());
    } else if (step instanceof Step.Change change) {
      said.accept(change.found().name() + ": changed");
      if (change.found().state() == Application.State.STOPPING) {
        awaitStopped(change.found());
      }
      api.changeApplication(project, change.found(), change.wanted());
      api.restart(project, change.found());
    } else if (step instanceof Step.Remove remove) {
      said.accept(remove.found().name() + ": no longer wanted, removed");
      stop(remove.found());
      awaitStopped(remove.found());
      api.delete(project, remove.found());
    }
  }

  /** The cluster's applications as they are, the head first. */
  List<Application> list(String name) {
    Pattern ours = Pattern.compile(Pattern.quote(name) + "-(head|serve|worker-[0-9]+)");
    return api.applications(project).stream()
        .filter(each -> ours.matcher(each.name()).matches())
        .sorted(
            Comparator.comparingInt((Application each) -> each.name().endsWith("-head") ? 0 : 1)
                .thenComparing(each -> each.name().length())
                .thenComparing(Application::name))
        .toList();
  }

  /** Stops them, the daemon first and the head last; deletes them where that is wanted. */
  void stop(String name, boolean delete) {
    List<Application> found = new ArrayList<>(list(name));
    found.sort(
        Comparator.comparingInt(
            each -> each.name().endsWith("-serve") ? 0 : each.name().endsWith("-head") ? 2 : 1));
    for (Application application : found) {
      if (stop(application)) {
        said.accept(application.name() + ": stops");
      }
    }
    await(name, "stop", all -> all.stream().allMatch(ClusterManager::ended));
    if (delete) {
      for (Application application : found) {
        api.delete(project, application);
        said.accept(application.name() + ": deleted");
      }
      await(name, "be gone", List::isEmpty);
    }
  }

  private boolean stop(Application application) {
    // One that failed is stopped, too: the platform would start it again by itself.
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
        "stop",
        nobody ->
            api.applications(project).stream()
                .filter(each -> each.id().equals(application.id()))
                .allMatch(ClusterManager::ended));
  }

  private static boolean ended(Application application) {
    return application.state() == Application.State.STOPPED
        || application.state() == Application.State.FAILED;
  }

  private List<Application> await(
      String name, String what, Predicate<List<Application>> condition) {
    long limit = System.nanoTime() + timeout.toNanos();
    Map<String, String> told = new HashMap<>();
    while (true) {
      List<Application> found = list(name);
      if (condition.test(found)) {
        return found;
      }
      for (Application each : found) {
        if (!word(each).equals(told.put(each.name(), word(each)))) {
          said.accept("%s: %s".formatted(each.name(), word(each)));
        }
      }
      if (System.nanoTime() >= limit) {
        throw new CmlException(
            0,
            "not all applications %s after %d s: %s; --timeout waits longer, and the same command goes on from here"
                .formatted(
                    what,
                    timeout.toSeconds(),
                    String.join(
                        ", ",
                        found.stream().map(each -> each.name() + " " + word(each)).toList())));
      }
      try {
        TimeUnit.MILLISECONDS.sleep(poll.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CmlException(400, "interrupted; the same command goes on from here");
      }
    }
  }

  private static String word(Application application) {
    return application.state().name().toLowerCase(Locale.ROOT);
  }
}
