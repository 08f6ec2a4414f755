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

/** A project with our files, and the job in it that makes the environment they run in. */
final class ProjectSetup {

  private static final Set<String> ENDED =
      Set.of(
          "ENGINE_SUCCEEDED",
          "ENGINE_FAILED",
          "ENGINE_TIMEDOUT",
          "ENGINE_STOPPED",
          "ENGINE_SKIPPED");

  private final CmlApi api;
  private final Duration poll;
  private final Duration timeout;
  private final Consumer<String> said;

  ProjectSetup(CmlApi api, Duration poll, Duration timeout, Consumer<String> said) {
    this.api = api;
    this.poll = poll;
    this.timeout = timeout;
    this.said = said;
  }

  /**
   * The project: the one that is named, else the one of the repository's name, which is made where
   * there is none.
   *
   * @param repository {@code OWNER/NAME}, or the address of a Git repository
   */
  String project(@Nullable String id, @Nullable String repository) {
    if (id != null) {
      return api.project(id).id();
    }
    if (repository == null) {
      throw new CmlException(
          400,
          "found neither CDSW_PROJECT_ID nor GITHUB_REPOSITORY, expected the project's id, or the"
              + " repository (OWNER/NAME) that a new project is made from");
    }
    String url = repository.contains("://") ? repository : "https://github.com/" + repository;
    String name = url.replaceFirst("/+$", "").replaceFirst("[.]git$", "").replaceFirst(".*/", "");
    CmlApi.Project project =
        api.projectNamed(name)
            .orElseGet(
                () -> {
                  said.accept("project %s: created from %s".formatted(name, url));
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
                422, "project %s could not be made from %s (%s)".formatted(name, url, status));
          }
          return !status.contains("creating");
        });
    return project.id();
  }

  /** The runtime that is named, else the newest of PBJ Workbench with a Python that Ray runs on. */
  String runtime(@Nullable String named) {
    if (named != null) {
      return named;
    }
    List<CmlApi.Image> fit =
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
    if (fit.isEmpty()) {
      throw new CmlException(
          422,
          "--runtime-identifier: the workbench has no enabled PBJ Workbench runtime (Standard) with"
              + " Python 3.9 to 3.12, expected the image of one that has");
    }
    return fit.get(fit.size() - 1).imageIdentifier();
  }

  /** Brings the files and runs the job that makes the environment; waits for its end. */
  void environment(String project, ProjectFiles files, String job, String runtime)
      throws IOException {
    files.upload(api, project, said);
    CmlApi.Job found =
        api.jobNamed(project, job)
            .orElseGet(() -> api.createJob(project, job, ProjectFiles.SETUP, 2, 4, runtime));
    CmlApi.JobRun run = api.run(project, found);
    said.accept("job %s: run %s".formatted(job, run.id()));
    String[] status = {run.status()};
    until(
        "job " + job,
        () -> {
          String now = api.run(project, found, run).status();
          if (!now.equals(status[0])) {
            said.accept(
                "job %s: %s"
                    .formatted(job, now.replaceFirst("^ENGINE_", "").toLowerCase(Locale.ROOT)));
          }
          status[0] = now;
          return ENDED.contains(now);
        });
    if (!status[0].equals("ENGINE_SUCCEEDED")) {
      throw new CmlException(
          422,
          "job %s ended as %s; its log in the workbench says why, and 'cai setup' tries again"
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
            0, "%s did not come to an end within %d s".formatted(what, timeout.toSeconds()));
      }
      try {
        TimeUnit.MILLISECONDS.sleep(poll.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CmlException(400, "interrupted; the same command goes on from here");
      }
    }
  }
}
