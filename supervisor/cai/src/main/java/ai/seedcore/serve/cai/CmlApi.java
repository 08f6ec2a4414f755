package ai.seedcore.serve.cai;

import io.github.resilience4j.core.IntervalFunction;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The part of the CML API v2 ({@code /api/v2/swagger.json} of any workbench) that we use. What may
 * pass is tried again with growing pauses; what would be done twice by that is looked for first.
 */
final class CmlApi {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final Duration UPLOAD = Duration.ofMinutes(10);
  private static final int PAGE = 100;

  private final URI host;
  private final String key;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(10))
          .build();
  private final Retry retry;

  /** A project. */
  record Project(String id, String name, @Nullable String creationStatus) {}

  /** A runtime image. */
  record Image(
      String imageIdentifier,
      @Nullable String editor,
      @Nullable String kernel,
      @Nullable String edition,
      @Nullable String fullVersion,
      @Nullable String status) {}

  /** A job. */
  record Job(String id, String name, @Nullable String script) {}

  /** A run of a job. */
  record JobRun(String id, String status) {}

  /** A file of a project. */
  record File(String path, boolean isDir, @Nullable String fileSize) {}

  /**
   * An API.
   *
   * @param host {@code https://HOST}
   * @param key an API v2 key; never logged
   * @param first the pause before the second attempt
   * @param said told of every attempt that failed and is made again
   */
  CmlApi(URI host, String key, Duration first, Consumer<String> said) {
    this.host = host;
    this.key = key;
    this.retry =
        Retry.of(
            "cml",
            RetryConfig.custom()
                .maxAttempts(6)
                .intervalFunction(
                    IntervalFunction.ofExponentialRandomBackoff(
                        first, 2, 0.3, Duration.ofSeconds(10)))
                .retryOnException(e -> e instanceof CmlException cml && cml.passing())
                .build());
    retry
        .getEventPublisher()
        .onRetry(
            event -> {
              Throwable why = event.getLastThrowable();
              said.accept(
                  "%s; again in %.1f s"
                      .formatted(
                          why == null ? "" : why.getMessage(),
                          event.getWaitInterval().toMillis() / 1000.0));
            });
  }

  Project project(String id) {
    return get("project " + id, "/projects/" + id, Project.class);
  }

  Optional<Project> projectNamed(String name) {
    String filter = encode(JSON.createObjectNode().put("name", name).toString());
    return list("projects", "/projects", "search_filter=" + filter, "projects", Project.class)
        .stream()
        .filter(project -> project.name().equals(name)) // The filter takes parts of names, too.
        .findFirst();
  }

  Project createProject(String name, String gitUrl) {
    ObjectNode body =
        JSON.createObjectNode()
            .put("name", name)
            .put("description", "A Ray cluster that SeedCore Serve keeps served")
            .put("visibility", "private")
            .put("template", "git")
            .put("git_url", gitUrl)
            .put("default_project_engine_type", "ml_runtime");
    return createOnce(
        () -> projectNamed(name), () -> post("project " + name, "/projects", body, Project.class));
  }

  List<Image> runtimes() {
    return list("runtimes", "/runtimes", "", "runtimes", Image.class);
  }

  List<Application> applications(String project) {
    return list(
        "applications of project " + project,
        "/projects/" + project + "/applications",
        "",
        "applications",
        Application.class);
  }

  Application createApplication(String project, AppSpec spec) {
    ObjectNode body =
        JSON.createObjectNode()
            .put("project_id", project)
            .put("name", spec.name())
            .put("subdomain", spec.subdomain())
            .put("description", "A part of a Ray cluster that SeedCore Serve keeps served")
            .put("script", spec.script())
            .put("cpu", spec.cpu())
            .put("memory", spec.memory())
            .put("runtime_identifier", spec.runtimeIdentifier());
    body.set("environment", JSON.valueToTree(spec.environment()));
    return createOnce(
        () -> applications(project).stream().filter(a -> a.name().equals(spec.name())).findFirst(),
        () ->
            post(
                "application " + spec.name(),
                "/projects/" + project + "/applications",
                body,
                Application.class));
  }

  Application changeApplication(String project, Application found, AppSpec spec) {
    // Here, and not where it is created, the variables are the text of an object.
    ObjectNode body =
        JSON.createObjectNode()
            .put("script", spec.script())
            .put("cpu", spec.cpu())
            .put("memory", spec.memory())
            .put("runtime_identifier", spec.runtimeIdentifier())
            .put("environment", JSON.writeValueAsString(spec.environment()));
    return again(
        () ->
            read(
                send(
                    "application " + spec.name(),
                    "PATCH",
                    path(project, found),
                    "application/json",
                    BodyPublishers.ofString(body.toString()),
                    DEADLINE),
                Application.class));
  }

  void restart(String project, Application found) {
    act(project, found, "POST", ":restart");
  }

  void stop(String project, Application found) {
    act(project, found, "POST", ":stop");
  }

  /** Deletes it; that it is gone already is as good. */
  void delete(String project, Application found) {
    try {
      act(project, found, "DELETE", "");
    } catch (CmlException e) {
      if (e.status() != 404) {
        throw e;
      }
    }
  }

  private void act(String project, Application found, String method, String verb) {
    again(
        () ->
            send(
                "application " + found.name(),
                method,
                path(project, found) + verb,
                "application/json",
                BodyPublishers.noBody(),
                DEADLINE));
  }

  private static String path(String project, Application found) {
    return "/projects/" + project + "/applications/" + found.id();
  }

  Optional<Job> jobNamed(String project, String name) {
    return list("jobs", "/projects/" + project + "/jobs", "", "jobs", Job.class).stream()
        .filter(job -> job.name().equals(name))
        .findFirst();
  }

  Job createJob(
      String project, String name, String script, double cpu, double memory, String runtime) {
    ObjectNode body =
        JSON.createObjectNode()
            .put("project_id", project)
            .put("name", name)
            .put("script", script)
            .put("cpu", cpu)
            .put("memory", memory)
            .put("runtime_identifier", runtime);
    return createOnce(
        () -> jobNamed(project, name),
        () -> post("job " + name, "/projects/" + project + "/jobs", body, Job.class));
  }

  /** Runs it. Twice, where an answer was lost: what it does can be done twice. */
  JobRun run(String project, Job job) {
    ObjectNode body = JSON.createObjectNode().put("project_id", project).put("job_id", job.id());
    String path = "/projects/" + project + "/jobs/" + job.id() + "/runs";
    return again(() -> post("job " + job.name(), path, body, JobRun.class));
  }

  JobRun run(String project, Job job, JobRun run) {
    return get(
        "job " + job.name(),
        "/projects/" + project + "/jobs/" + job.id() + "/runs/" + run.id(),
        JobRun.class);
  }

  /** The files of a folder; none where there is no such folder. */
  List<File> files(String project, String folder) {
    try {
      JsonNode answer =
          get(
              "folder " + folder,
              "/projects/" + project + "/files/" + encode(folder),
              JsonNode.class);
      List<File> files = new ArrayList<>();
      answer.path("files").forEach(file -> files.add(JSON.treeToValue(file, File.class)));
      return files;
    } catch (CmlException e) {
      if (e.status() == 404) {
        return List.of();
      }
      throw e;
    }
  }

  /** What a file holds; empty where there is none. */
  Optional<String> content(String project, String path) {
    try {
      return Optional.of(
          again(
              () ->
                  send(
                      "file " + path,
                      "POST",
                      "/projects/" + project + "/files/" + encode(path) + ":download",
                      "application/json",
                      BodyPublishers.noBody(),
                      DEADLINE)));
    } catch (CmlException e) {
      if (e.status() == 404) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Deletes it; that it is gone already is as good. */
  void deleteFile(String project, String path) {
    try {
      again(
          () ->
              send(
                  "file " + path,
                  "DELETE",
                  "/projects/" + project + "/files/" + encode(path),
                  "application/json",
                  BodyPublishers.noBody(),
                  DEADLINE));
    } catch (CmlException e) {
      if (e.status() != 404) {
        throw e;
      }
    }
  }

  /** Puts a file where there is none: one that is there would be kept, and ours named otherwise. */
  void upload(String project, String path, Path file) {
    String boundary = "seedcore-" + UUID.randomUUID();
    String head =
        """
        --%s\r
        Content-Disposition: form-data; name="%s"; filename="%s"\r
        Content-Type: application/octet-stream\r
        \r
        """
            .formatted(boundary, path, path.replaceFirst(".*/", ""));
    boolean[] tried = {false};
    again(
        () -> {
          if (tried[0]) { // What came of the attempt whose answer was lost would keep the name.
            deleteFile(project, path);
          }
          tried[0] = true;
          try {
            return send(
                "file " + path,
                "POST",
                "/projects/" + project + "/files",
                "multipart/form-data; boundary=" + boundary,
                BodyPublishers.concat(
                    BodyPublishers.ofString(head),
                    BodyPublishers.ofFile(file),
                    BodyPublishers.ofString("\r\n--" + boundary + "--\r\n")),
                UPLOAD);
          } catch (IOException e) {
            throw new CmlException(400, "file %s cannot be read: %s".formatted(file, e));
          }
        });
  }

  /** Makes what there must be one of: after an attempt whose answer was lost it may be there. */
  private <T> T createOnce(Supplier<Optional<T>> look, Supplier<T> create) {
    boolean[] tried = {false};
    return again(
        () -> {
          if (tried[0]) {
            Optional<T> found = look.get();
            if (found.isPresent()) {
              return found.get();
            }
          }
          tried[0] = true;
          return create.get();
        });
  }

  private <T> T again(Supplier<T> request) {
    return retry.executeSupplier(request);
  }

  private <T> T get(String what, String path, Class<T> type) {
    return again(
        () ->
            read(
                send(what, "GET", path, "application/json", BodyPublishers.noBody(), DEADLINE),
                type));
  }

  private <T> T post(String what, String path, ObjectNode body, Class<T> type) {
    return read(
        send(
            what,
            "POST",
            path,
            "application/json",
            BodyPublishers.ofString(body.toString()),
            DEADLINE),
        type);
  }

  private <T> List<T> list(String what, String path, String query, String field, Class<T> type) {
    List<T> all = new ArrayList<>();
    String token = "";
    do {
      String page =
          "%s?page_size=%d%s%s"
              .formatted(
                  path,
                  PAGE,
                  query.isEmpty() ? "" : "&" + query,
                  token.isEmpty() ? "" : "&page_token=" + encode(token));
      JsonNode answer = get(what, page, JsonNode.class);
      answer.path(field).forEach(each -> all.add(JSON.treeToValue(each, type)));
      token = answer.path("next_page_token").asString("");
    } while (!token.isEmpty());
    return all;
  }

  private static <T> T read(String body, Class<T> type) {
    try {
      return JSON.readValue(body, type);
    } catch (JacksonException e) {
      throw new CmlException(
          0, "the answer is no JSON of a workbench's: is CML_HOST the workbench's own address?");
    }
  }

  private String send(
      String what, String method, String path, String type, BodyPublisher body, Duration deadline) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(host + "/api/v2" + path))
            .timeout(deadline)
            .header("Authorization", "Bearer " + key)
            .header("Content-Type", type)
            .method(method, body)
            .build();
    try {
      HttpResponse<String> answer =
          client.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
      if (answer.statusCode() / 100 != 2) {
        answer.headers().firstValueAsLong("Retry-After").ifPresent(CmlApi::obey);
        throw new CmlException(
            answer.statusCode(), explain(what, answer.statusCode(), message(answer.body())));
      }
      return answer.body();
    } catch (IOException e) {
      throw new CmlException(
          0,
          "%s: %s gives no answer (%s)"
              .formatted(what, host, e.getMessage() == null ? e : e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CmlException(400, "interrupted");
    }
  }

  /** Who is told to wait waits that long, beside our own pause; a minute at most. */
  private static void obey(long seconds) {
    try {
      TimeUnit.SECONDS.sleep(Math.min(60, Math.max(0, seconds)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String explain(String what, int status, String message) {
    String said = message.isEmpty() ? "" : " (" + message + ")";
    return switch (status) {
      case 401 ->
          "CML_API_KEY: %s does not accept it%s; expected an API v2 key of audience API"
              .formatted(host, said);
      case 403 ->
          "%s: the owner of CML_API_KEY may not do this%s; ask the project's owner or an administrator"
              .formatted(what, said);
      case 404 -> "%s: %s knows none%s; is CDSW_PROJECT_ID right?".formatted(what, host, said);
      case 400, 409, 422 -> "%s: refused by the workbench%s".formatted(what, said);
      default -> "%s: %s answers status %d%s".formatted(what, host, status, said);
    };
  }

  private static String message(String body) {
    try {
      JsonNode json = JSON.readTree(body);
      return json.path("message").asString(json.path("error").asString(""));
    } catch (JacksonException e) {
      return body.strip().lines().findFirst().orElse("");
    }
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
