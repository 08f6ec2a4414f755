package ai.seedcore.serve.cai;

import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A fake workbench. It rejects paths, parameters and fields that are not in the published API
 * definition (cml-api-v2.json), and injects failures.
 */
final class Workbench implements AutoCloseable {

  static final String KEY = "the-key";
  static final String PROJECT = "a1b2-c3d4-e5f6-g7h8";
  private static final JsonMapper JSON = JsonMapper.shared();

  /** The page size, whatever the client requests. */
  private static final int PAGE = 3;

  /** Runs the applications. The default does nothing. */
  interface Platform {
    default void start(ObjectNode application) {}

    default void stop(ObjectNode application) {}
  }

  /**
   * An injected failure of one request.
   *
   * @param request matches {@code METHOD PATH}
   * @param status the status of the response
   * @param done whether the request is executed before it fails
   */
  record Fault(Pattern request, int status, boolean done) {}

  final List<String> requests = new CopyOnWriteArrayList<>();
  final List<Fault> faults = new CopyOnWriteArrayList<>();
  final Map<String, ObjectNode> applications = new TreeMap<>();
  final Map<String, ObjectNode> projects = new TreeMap<>();
  final Map<String, ObjectNode> jobs = new TreeMap<>();
  final Map<String, byte[]> files = new TreeMap<>();
  final Map<String, String> ends = new HashMap<>();
  Platform platform = new Platform() {};
  String runEnds = "ENGINE_SUCCEEDED";
  private final JsonNode definition;
  private final HttpServer server;
  private int ids;

  Workbench() throws IOException {
    try (InputStream content = Workbench.class.getResourceAsStream("/cml-api-v2.json")) {
      definition = JSON.readTree(content);
    }
    projects.put(
        PROJECT,
        JSON.createObjectNode()
            .put("id", PROJECT)
            .put("name", "ray-serve")
            .put("creation_status", "success"));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newSingleThreadExecutor());
    server.createContext("/", this::handle);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  List<String> names(String status) {
    return applications.values().stream()
        .filter(each -> each.path("status").asString().equals(status))
        .map(each -> each.path("name").asString())
        .sorted()
        .toList();
  }

  /** Injects a failure of the next matching request. */
  void fault(String request, int status, boolean done) {
    faults.add(new Fault(Pattern.compile(request), status, done));
  }

  /** An error response. */
  private static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;
    final int status;

    Refusal(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    String method = exchange.getRequestMethod();
    String path = exchange.getRequestURI().getRawPath();
    byte[] body = exchange.getRequestBody().readAllBytes();
    String request = method + " " + path;
    requests.add(request);
    Fault fault =
        faults.stream()
            .filter(each -> each.request().matcher(request).find())
            .findFirst()
            .orElse(null);
    if (fault != null) {
      faults.remove(fault);
    }
    int status = 200;
    byte[] answer;
    try {
      if (fault != null && !fault.done()) {
        throw new Refusal(fault.status(), "injected failure");
      }
      answer = answer(exchange, method, path, body);
      if (fault != null) {
        throw new Refusal(fault.status(), "injected lost response");
      }
    } catch (Refusal e) {
      status = e.status;
      answer =
          JSON.createObjectNode()
              .put("error", e.getMessage())
              .put("message", e.getMessage())
              .put("code", 2)
              .toString()
              .getBytes(StandardCharsets.UTF_8);
      if (status == 429) {
        exchange.getResponseHeaders().add("Retry-After", "0");
      }
    }
    exchange.sendResponseHeaders(status, answer.length == 0 ? -1 : answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  private byte[] answer(HttpExchange exchange, String method, String path, byte[] body) {
    if (!("Bearer " + KEY).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      throw new Refusal(401, "no valid api key");
    }
    for (Map.Entry<String, JsonNode> published : definition.path("paths").properties()) {
      Matcher match =
          Pattern.compile(
                  Pattern.compile("[{](\\w+)[}]")
                      .matcher(published.getKey().replace(":", "[:]"))
                      .replaceAll("(?<$1>[^/:]+)")
                      .replace("project_id", "project")
                      .replace("application_id", "id")
                      .replace("job_id", "job")
                      .replace("run_id", "run"))
              .matcher(path);
      JsonNode operation = published.getValue().path(method.toLowerCase(Locale.ROOT));
      if (match.matches() && !operation.isMissingNode()) {
        Map<String, String> query = query(exchange, published.getValue(), operation);
        JsonNode json = check(operation, body);
        return perform(
            operation.path("operationId").asString(), match, query, json, body, exchange);
      }
    }
    throw new Refusal(404, "Not Found");
  }

  private static Map<String, String> query(
      HttpExchange exchange, JsonNode path, JsonNode operation) {
    Map<String, String> query = new HashMap<>();
    String text = exchange.getRequestURI().getRawQuery();
    for (String each : text == null ? new String[0] : text.split("&", -1)) {
      String[] parts = each.split("=", 2);
      boolean known = false;
      for (JsonNode parameter : operation.path("parameters")) {
        known |= parameter.path("name").asString().equals(parts[0]);
      }
      for (JsonNode parameter : path.path("parameters")) {
        known |= parameter.path("name").asString().equals(parts[0]);
      }
      if (!known) {
        throw new Refusal(400, "unknown parameter " + parts[0]);
      }
      query.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
    }
    return query;
  }

  private JsonNode check(JsonNode operation, byte[] body) {
    JsonNode schema =
        operation.path("requestBody").path("content").path("application/json").path("schema");
    if (schema.isMissingNode()) {
      return JSON.createObjectNode();
    }
    JsonNode json = JSON.readTree(body);
    ObjectNode whole = JSON.createObjectNode();
    whole.setAll((ObjectNode) schema.deepCopy());
    whole.set("components", definition.path("components"));
    List<com.networknt.schema.Error> errors =
        SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
            .getSchema(whole)
            .validate(json);
    if (!errors.isEmpty()) {
      throw new Refusal(400, errors.toString());
    }
    return json;
  }

  private byte[] perform(
      String operation,
      Matcher match,
      Map<String, String> query,
      JsonNode body,
      byte[] raw,
      HttpExchange exchange) {
    return switch (operation) {
      case "ListProjects" -> page(projects, "projects", query);
      case "CreateProject" -> {
        ObjectNode project = ((ObjectNode) body.deepCopy()).put("id", id());
        project.put("creation_status", "creating");
        projects.put(project.path("id").asString(), project);
        yield text(project);
      }
      case "GetProject" -> {
        ObjectNode project = find(projects, match.group("project"));
        ObjectNode now = project.deepCopy();
        project.put("creation_status", "success"); // For the next request.
        yield text(now);
      }
      case "ListRuntimes" -> text(runtimes());
      case "ListApplications" -> {
        byte[] now = page(applications, "applications", query);
        applications.values().forEach(this::proceed);
        yield now;
      }
      case "GetApplication" -> text(find(applications, match.group("id")));
      case "CreateApplication" -> {
        String subdomain = body.path("subdomain").asString();
        if (!subdomain.matches("[a-z0-9]+(-[a-z0-9]+)*")
            || applications.values().stream()
                .anyMatch(each -> each.path("subdomain").asString().equals(subdomain))) {
          throw new Refusal(422, "Problem with field Subdomain: invalid pattern or taken");
        }
        ObjectNode application = ((ObjectNode) body.deepCopy()).put("id", id());
        application.remove("project_id");
        application.put("environment", body.path("environment").toString());
        application.put("status", "APPLICATION_STARTING");
        applications.put(application.path("id").asString(), application);
        platform.start(application);
        yield text(application);
      }
      case "UpdateApplication" -> {
        ObjectNode application = find(applications, match.group("id"));
        application.setAll((ObjectNode) body.deepCopy());
        yield text(application);
      }
      case "DeleteApplication" -> {
        platform.stop(find(applications, match.group("id")));
        applications.remove(match.group("id"));
        yield text(JSON.createObjectNode());
      }
      case "RestartApplication" -> {
        ObjectNode application = find(applications, match.group("id"));
        platform.stop(application);
        application.put("status", "APPLICATION_STARTING");
        platform.start(application);
        yield text(application);
      }
      case "StopApplication" -> {
        ObjectNode application = find(applications, match.group("id"));
        platform.stop(application);
        yield text(application.put("status", "APPLICATION_STOPPING"));
      }
      case "ListJobs" -> page(jobs, "jobs", query);
      case "CreateJob" -> {
        ObjectNode job = ((ObjectNode) body.deepCopy()).put("id", id());
        jobs.put(job.path("id").asString(), job);
        yield text(job);
      }
      case "CreateJobRun" ->
          text(
              JSON.createObjectNode()
                  .put("id", id())
                  .put("job_id", find(jobs, match.group("job")).path("id").asString())
                  .put("status", "ENGINE_SCHEDULING"));
      case "GetJobRun" ->
          text(JSON.createObjectNode().put("id", match.group("run")).put("status", runEnds));
      case "UploadFile" -> {
        upload(exchange, raw);
        yield new byte[0];
      }
      case "ListProjectFiles" -> text(listed(decode(match.group("path"))));
      case "DownloadProjectFile" -> {
        byte[] content = files.get(decode(match.group("path")));
        if (content == null) {
          throw new Refusal(404, "no such file");
        }
        yield content;
      }
      case "DeleteProjectFile" -> {
        if (files.remove(decode(match.group("path"))) == null) {
          throw new Refusal(404, "no such file");
        }
        yield text(JSON.createObjectNode());
      }
      default -> throw new Refusal(501, operation);
    };
  }

  /** Advances the state of an application. */
  private void proceed(ObjectNode application) {
    String end = ends.getOrDefault(application.path("name").asString(), "APPLICATION_RUNNING");
    String now = application.path("status").asString();
    application.put(
        "status",
        switch (now) {
          case "APPLICATION_STARTING" -> end;
          case "APPLICATION_STOPPING" -> "APPLICATION_STOPPED";
          default -> now;
        });
  }

  /** Stores an uploaded file under the form field's name. An existing file keeps its name. */
  private void upload(HttpExchange exchange, byte[] raw) {
    String type = exchange.getRequestHeaders().getFirst("Content-Type");
    String boundary = "--" + type.replaceFirst("multipart/form-data; boundary=", "");
    String body = new String(raw, StandardCharsets.ISO_8859_1);
    Matcher part =
        Pattern.compile(
                Pattern.quote(boundary)
                    + "\r\nContent-Disposition: form-data; name=\"([^\"]+)\"; filename=\"[^\"]+\"\r\n"
                    + "Content-Type: application/octet-stream\r\n\r\n(.*)\r\n"
                    + Pattern.quote(boundary)
                    + "--\r\n",
                Pattern.DOTALL)
            .matcher(body);
    if (!part.matches()) {
      throw new Refusal(400, "no form");
    }
    String name = part.group(1);
    files.put(
        files.containsKey(name) ? name + "(1)" : name,
        part.group(2).getBytes(StandardCharsets.ISO_8859_1));
  }

  private ObjectNode listed(String folder) {
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode all = answer.putArray("files");
    files.forEach(
        (name, content) -> {
          if (name.startsWith(folder + "/")) {
            all.addObject()
                .put("path", name.substring(folder.length() + 1))
                .put("is_dir", false)
                .put("file_size", String.valueOf(content.length));
          }
        });
    return answer;
  }

  private static ObjectNode runtimes() {
    ObjectNode answer = JSON.createObjectNode();
    ArrayNode all = answer.putArray("runtimes");
    for (String[] each :
        new String[][] {
          {"JupyterLab", "Python 3.11", "Standard", "2025.09", "ENABLED"},
          {"PBJ Workbench", "Python 3.11", "Standard", "2025.06", "ENABLED"},
          {"PBJ Workbench", "Python 3.11", "Standard", "2025.09", "DISABLED"},
          {"PBJ Workbench", "Python 3.12", "Standard", "2025.09", "ENABLED"},
          {"PBJ Workbench", "Python 3.13", "Standard", "2025.09", "ENABLED"},
          {"PBJ Workbench", "Python 3.11", "Nvidia GPU", "2025.09", "ENABLED"},
        }) {
      all.addObject()
          .put("image_identifier", String.join("/", each).replace(" ", ""))
          .put("editor", each[0])
          .put("kernel", each[1])
          .put("edition", each[2])
          .put("full_version", each[3])
          .put("status", each[4]);
    }
    return answer;
  }

  private static byte[] page(Map<String, ObjectNode> all, String field, Map<String, String> query) {
    List<ObjectNode> found = new ArrayList<>(all.values());
    String filter = query.get("search_filter");
    if (filter != null) {
      String part = JSON.readTree(filter).path("name").asString("");
      found.removeIf(each -> !each.path("name").asString().contains(part));
    }
    int from = Integer.parseInt(query.getOrDefault("page_token", "0"));
    int to = Math.min(found.size(), from + PAGE);
    ObjectNode answer = JSON.createObjectNode();
    answer.putArray(field).addAll(found.subList(from, to));
    answer.put("next_page_token", to < found.size() ? String.valueOf(to) : "");
    return text(answer);
  }

  private static ObjectNode find(Map<String, ObjectNode> in, String id) {
    ObjectNode found = in.get(id);
    if (found == null) {
      throw new Refusal(404, "not found: " + id);
    }
    return found;
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  private static byte[] text(JsonNode json) {
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  private String id() {
    ids++;
    return "id-%04d".formatted(ids);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
