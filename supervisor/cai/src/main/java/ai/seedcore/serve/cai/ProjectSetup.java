package ai.seedcore.serve.cai;

import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Creates a project and runs the job that installs the environment of its applications. */
final class ProjectSetup {

  private static final Set<String> ENDED =
      Set.of(
          "ENGINE_SUCCEEDED",
          "ENGINE_FAILED",
          "ENGINE_TIMEDOUT",
          "ENGINE_STOPPED",
          "ENGINE_SKIPPED");

  /** The resources of the setup job. */
  private static final int JOB_CPU = 2;

  private static final int JOB_MEMORY_GB = 4;

  private final CmlApi api;
  private final Duration poll;
  private final Duration timeout;
  private final Consumer<String> output;

  /**
   * Creates a setup.
   *
   * @param poll the pause between two polls of the API
   * @param timeout how long to wait for the project and for the job
   * @param output receives a line for each action and each change of a state
   */
  ProjectSetup(CmlApi api, Duration poll, Duration timeout, Consumer<String> output) {
    this.api = api;
    this.poll = poll;
    this.timeout = timeout;
    this.output = output;
  }

  /**
   * Returns the id of a project. Without an id, finds the project with the repository's name, or
   * creates it.
   *
   * @param id the id of an existing project; null to use the repository
   * @param repository {@code OWNER/NAME} on GitHub, or the URL of a Git repository
   */
  String project(@Nullable String id, @Nullable String repository) {
    if (id != null) {
      return api.project(id).id();
    }
    if (repository == null) {
      throw new CmlException(
          400,
          "found neither CDSW_PROJECT_ID nor GITHUB_REPOSITORY, expected the id of a project, or the"
              + " repository (OWNER/NAME) for a new project");
    }
    String url = repository.contains("://") ? repository : "https://github.com/" + repository;
    String name = url.replaceFirst("/+$", "").replaceFirst("[.]git$", "").replaceFirst(".*/", "");
    CmlApi.Project project =
        api.projectNamed(name)
            .orElseGet(
                () -> {
                  output.accept("project %s: creating from %s".formatted(name, url));
                  return api.createProject(name, url);
                });
    until(
        "project " + name,
        () -> {
          String status =
              Objects.requireNonNullElse(api.project(project.id()).creationStatus(), "")
                  .toLowerCase(Locale.ROOT);
          if (status.contains("fail") || status.contains("error")) {
            throw new CmlException(
                422, "cannot create project %s from %s (%s)".formatted(name, url, status));
          }
          return !status.contains("creating");
        });
    return project.id();
  }

  /**
   * Returns the runtime image to use.
   *
   * @param requested the requested image; null for the newest PBJ Workbench image with a Python
   *     version that Ray supports, preferably 3.11
   */
  String runtime(@Nullable String requested) {
    if (requested != null) {
      return requested;
    }
    List<CmlApi.Image> suitable =
        api.runtimes().stream()
            .filter(each -> Objects.requireNonNullElse(each.editor(), "").contains("PBJ"))
            .filter(
                each ->
                    Objects.requireNonNullElse(each.kernel(), "").matches("Python 3[.](9|1[0-2])"))
            .filter(each -> "Standard".equals(each.edition()))
            .filter(each -> each.status() == null || each.status().equals("ENABLED"))
            .sorted(
                Comparator.comparing((CmlApi.Image each) -> "Python 3.11".equals(each.kernel()))
                    .thenComparing(each -> Objects.requireNonNullElse(each.fullVersion(), "")))
            .toList();
    if (suitable.isEmpty()) {
      throw new CmlException(
          422,
          "--runtime-identifier: the workbench has no enabled PBJ Workbench runtime (Standard) with"
              + " Python 3.9 to 3.12, expected the image of another runtime");
    }
    return suitable.get(suitable.size() - 1).imageIdentifier();
  }

  /** Uploads the files, runs the job that installs the environment, and waits for its end. */
  void environment(String project, ProjectFiles files, String job, String runtime)
      throws IOException {
    files.upload(api, project, output);
    CmlApi.Job found =
        api.jobNamed(project, job)
            .orElseGet(
                () ->
                    api.createJob(
                        project, job, ProjectFiles.SETUP, JOB_CPU, JOB_MEMORY_GB, runtime));
    CmlApi.JobRun run = api.run(project, found);
    output.accept("job %s: run %s".formatted(job, run.id()));
    String[] status = {run.status()};
    until(
        "job " + job,
        () -> {
          String now = api.run(project, found, run).status();
          if (!now.equals(status[0])) {
            output.accept(
                "job %s: %s"
                    .formatted(job, now.replaceFirst("^ENGINE_", "").toLowerCase(Locale.ROOT)));
          }
          status[0] = now;
          return ENDED.contains(now);
        });
    if (!status[0].equals("ENGINE_SUCCEEDED")) {
      throw new CmlException(
          422,
          "job %s ended with %s; see its log in the workbench, and retry with 'cai setup'"
              .formatted(job, status[0]));
    }
  }

  private interface Condition {
    boolean holds();
  }

  private void until(String what, Condition condition) {
    long limit = System.nanoTime() + timeout.toNanos();
    while (!condition.holds()) {
      if (System.nanoTime() >= limit) {
        throw new CmlException(
            0, "%s did not finish within %d s".formatted(what, timeout.toSeconds()));
      }
      try {
        TimeUnit.MILLISECONDS.sleep(poll.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CmlException(400, "interrupted; repeat the command to continue");
      }
    }
  }
}
