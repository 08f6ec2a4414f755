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
 * A client of the CML API v2 ({@code /api/v2/swagger.json} of any workbench). It retries transient
 * errors with exponential backoff. Before it retries the creation of an object, it checks whether
 * the object exists.
 */
final class CmlApi {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final Duration UPLOAD_TIMEOUT = Duration.ofMinutes(10);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final int PAGE_SIZE = 100;
  private static final int MAX_ATTEMPTS = 6;
  private static final double BACKOFF_FACTOR = 2;
  private static final double BACKOFF_JITTER = 0.3;
  private static final Duration MAX_BACKOFF = Duration.ofSeconds(10);
  private static final long MAX_RETRY_AFTER_S = 60;
  private static final int NOT_FOUND = 404;

  private final URI host;
  private final String key;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_TIMEOUT)
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
   * Creates a client.
   *
   * @param host the URL of the workbench, {@code https://HOST}
   * @param key an API v2 key; never logged
   * @param firstPause the pause before the second attempt
   * @param output receives a line for each retry
   */
  CmlApi(URI host, String key, Duration firstPause, Consumer<String> output) {
    this.host = host;
    this.key = key;
    this.retry =
        Retry.of(
            "cml",
            RetryConfig.custom()
                .maxAttempts(MAX_ATTEMPTS)
                .intervalFunction(
                    IntervalFunction.ofExponentialRandomBackoff(
                        firstPause, BACKOFF_FACTOR, BACKOFF_JITTER, MAX_BACKOFF))
                .retryOnException(e -> e instanceof CmlException cml && cml.transientError())
                .build());
    retry
        .getEventPublisher()
        .onRetry(
            event -> {
              Throwable cause = event.getLastThrowable();
              output.accept(
                  "%s; retrying in %.1f s"
                      .formatted(
                          cause == null ? "" : cause.getMessage(),
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
        .filter(project -> project.name().equals(name)) // The API also matches parts of names.
        .findFirst();
  }

  Project createProject(String name, String gitUrl) {
    ObjectNode body =
        JSON.createObjectNode()
            .put("name", name)
            .put("description", "A Ray cluster managed by SeedCore Serve")
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
            .put("description", "A part of a Ray cluster managed by SeedCore Serve")
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
    // Unlike in a creation, the variables are the text of a JSON object.
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
                    TIMEOUT),
                Application.class));
  }

  void restart(String project, Application found) {
    act(project, found, "POST", ":restart");
  }

  void stop(String project, Application found) {
    act(project, found, "POST", ":stop");
  }

  /** Deletes an application if it exists. */
  void delete(String project, Application found) {
    try {
      act(project, found, "DELETE", "");
    } catch (CmlException e) {
      if (e.status() != NOT_FOUND) {
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
                TIMEOUT));
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

  /** Starts a job. A retry after a lost response may start it twice, so jobs must be idempotent. */
  JobRun run(String project, Job job) {
    ObjectNode body = JSON.createObjectNode().put("project_id", project).put("job_id", job.id());
    String path = "/projects/" + project + "/jobs/" + job.id() + "/runs";
    return again(() -> post("job " + job.name(), path, body, JobRun.class));
  }

  /** Returns the current state of a job run. */
  JobRun run(String project, Job job, JobRun run) {
    return get(
        "job " + job.name(),
        "/projects/" + project + "/jobs/" + job.id() + "/runs/" + run.id(),
        JobRun.class);
  }

  /** Returns the files of a directory; empty if the directory does not exist. */
  List<File> files(String project, String folder) {
    try {
      JsonNode answer =
          get(
              "directory " + folder,
              "/projects/" + project + "/files/" + encode(folder),
              JsonNode.class);
      List<File> files = new ArrayList<>();
      answer.path("files").forEach(file -> files.add(JSON.treeToValue(file, File.class)));
      return files;
    } catch (CmlException e) {
      if (e.status() == NOT_FOUND) {
        return List.of();
      }
      throw e;
    }
  }

  /** Returns the content of a file; empty if the file does not exist. */
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
                      TIMEOUT)));
    } catch (CmlException e) {
      if (e.status() == NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Deletes a file if it exists. */
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
                  TIMEOUT));
    } catch (CmlException e) {
      if (e.status() != NOT_FOUND) {
        throw e;
      }
    }
  }

  /**
   * Uploads a file. The path must not exist: the API would keep the existing file and give the new
   * one another name.
   */
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
          if (tried[0]) { // The previous attempt may have created the file.
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
                UPLOAD_TIMEOUT);
          } catch (IOException e) {
            throw new CmlException(400, "cannot read file %s: %s".formatted(file, e));
          }
        });
  }

  /**
   * Creates an object that must be unique. Before a retry, looks for it, because the response of
   * the previous attempt may have been lost.
   */
  private <T> T createOnce(Supplier<Optional<T>> find, Supplier<T> create) {
    boolean[] tried = {false};
    return again(
        () -> {
          if (tried[0]) {
            Optional<T> found = find.get();
            if (found.isPresent()) {
              return found.get();
            }
          }
          tried[0] = true;
          return create.get();
        });
  }

  /** Sends a request and retries transient errors. */
  private <T> T again(Supplier<T> request) {
    return retry.executeSupplier(request);
  }

  private <T> T get(String what, String path, Class<T> type) {
    return again(
        () ->
            read(
                send(what, "GET", path, "application/json", BodyPublishers.noBody(), TIMEOUT),
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
            TIMEOUT),
        type);
  }

  /** Returns all pages of a list. */
  private <T> List<T> list(String what, String path, String query, String field, Class<T> type) {
    List<T> all = new ArrayList<>();
    String token = "";
    do {
      String page =
          "%s?page_size=%d%s%s"
              .formatted(
                  path,
                  PAGE_SIZE,
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
          0, "the response is not JSON from a workbench: is CML_HOST the workbench's URL?");
    }
  }

  private String send(
      String what, String method, String path, String type, BodyPublisher body, Duration timeout) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(host + "/api/v2" + path))
            .timeout(timeout)
            .header("Authorization", "Bearer " + key)
            .header("Content-Type", type)
            .method(method, body)
            .build();
    try {
      HttpResponse<String> answer =
          client.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
      if (answer.statusCode() / 100 != 2) {
        answer.headers().firstValueAsLong("Retry-After").ifPresent(CmlApi::waitAsRequested);
        throw new CmlException(
            answer.statusCode(), explain(what, answer.statusCode(), message(answer.body())));
      }
      return answer.body();
    } catch (IOException e) {
      throw new CmlException(
          0,
          "%s: no response from %s (%s)"
              .formatted(what, host, e.getMessage() == null ? e : e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CmlException(400, "interrupted");
    }
  }

  /** Waits as a {@code Retry-After} header requests, in addition to the backoff. */
  private static void waitAsRequested(long seconds) {
    try {
      TimeUnit.SECONDS.sleep(Math.min(MAX_RETRY_AFTER_S, Math.max(0, seconds)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String explain(String what, int status, String message) {
    String detail = message.isEmpty() ? "" : " (" + message + ")";
    return switch (status) {
      case 401 ->
          "CML_API_KEY: %s does not accept it%s; expected an API v2 key with the audience API"
              .formatted(host, detail);
      case 403 ->
          "%s: the owner of CML_API_KEY is not allowed to do this%s; ask the project's owner or an administrator"
              .formatted(what, detail);
      case NOT_FOUND ->
          "%s: not found on %s%s; is CDSW_PROJECT_ID right?".formatted(what, host, detail);
      case 400, 409, 422 -> "%s: rejected by the workbench%s".formatted(what, detail);
      default -> "%s: %s responded with status %d%s".formatted(what, host, status, detail);
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
