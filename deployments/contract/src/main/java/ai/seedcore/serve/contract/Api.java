package ai.seedcore.serve.contract;

import ai.seedcore.serve.contract.Refusal.Code;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What clients are told of a deployment's requests and replies.
 *
 * @param summary what the deployment is for, in one sentence
 * @param request the schema of requests, of the fields that parse them
 * @param reply the schema of replies to valid requests, of {@link #success}
 * @param example a valid request
 */
public record Api(String summary, Schema request, Schema reply, Map<String, Object> example) {

  private static final Schema TIME =
      Schema.NUMBER.described("The Unix time of the reply, in seconds.");

  /** Returns the schema of what all replies to valid requests have. */
  public static Schema success() {
    return Schema.object()
        .with("status", Schema.words(List.of("success")))
        .with("model", Schema.TEXT)
        .with("model_version", Schema.TEXT)
        .with("timestamp", TIME);
  }

  /** Returns the parts of an OpenAPI document, as JSON: strings, numbers, lists and maps. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("summary", summary);
    map.put("example", example);
    map.put("request", request.keywords());
    map.put("reply", reply.keywords());
    map.put("description", description().keywords());
    Map<String, Object> errors = new LinkedHashMap<>();
    for (Code code : Code.values()) {
      errors.put(String.valueOf(code.status()), "`%s`: %s".formatted(code.word(), code.meaning()));
    }
    map.put("errors", errors);
    return map;
  }

  private static Schema description() {
    Schema limits = Schema.object();
    for (String name : Limits.NAMES) {
      limits = limits.with(name, Schema.COUNT);
    }
    return success()
        .with("name", Schema.TEXT)
        .with("version", Schema.TEXT)
        .with("example", Schema.of("object"))
        .with("limits", limits);
  }
}
