package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.daemon.config.Declaration;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.http.Http;
import ai.seedcore.serve.daemon.http.Http.Answer;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Asks one route, again and again, as a client of it would. */
final class Probing {

  /** The code by which a replica says that its class could not be made. */
  private static final String NOT_READY = "not_ready";

  private static final Duration DEADLINE = Duration.ofSeconds(3);

  private final Http http;
  private final String url;
  private final Probe probe;
  private final Question<Route> question;
  private @Nullable Route good;
  private long goodAt;
  private boolean doubtful;

  Probing(Http http, String routesUrl, Declaration deployment) {
    this.http = http;
    this.url = routesUrl + deployment.route();
    this.probe = deployment.probe();
    this.question = new Question<>(this::request, Duration.ZERO);
  }

  void ask() {
    question.ask();
  }

  void forget() {
    question.forget();
    good = null;
  }

  /**
   * What it answers. Where that is silence, the last good answer holds for a while: a packet that
   * the network lost is no outage, and a refusal is at once.
   */
  Optional<Route> within(Duration patience) {
    Optional<Route> answer = question.within(patience);
    doubtful = answer.isPresent() && answer.get().silent();
    if (answer.isPresent() && answer.get().answers()) {
      good = answer.get();
      goodAt = System.nanoTime();
    } else if (answer.isPresent()
        && doubtful
        && good != null
        && System.nanoTime() - goodAt < Observer.GRACE.toNanos()) {
      return Optional.of(good);
    } else {
      good = null;
    }
    return answer;
  }

  /** Whether what was answered last was silence. */
  boolean doubtful() {
    return doubtful;
  }

  private CompletableFuture<Route> request() {
    long start = System.nanoTime();
    String body = probe.bodyText();
    CompletableFuture<Answer> answer =
        body == null ? http.get(url, DEADLINE) : http.post(url, body, DEADLINE);
    return answer
        .thenApply(a -> verdict(probe, a))
        .handle(
            (reason, error) ->
                new Route(
                    error == null && reason.isEmpty(),
                    error == null ? reason : Http.reason(error),
                    (System.nanoTime() - start) / 1_000_000,
                    Instant.now(),
                    error != null && Http.silent(error)));
  }

  /** Why an answer is not the declared one; empty where it is. */
  static String verdict(Probe probe, Answer answer) {
    if (answer.status() != 200) {
      return "answers status " + answer.status();
    }
    JsonNode expected = probe.expect();
    boolean failed = answer.body().contains(NOT_READY);
    if (expected == null && !failed) {
      return "";
    }
    JsonNode json;
    try {
      json = JsonMapper.shared().readTree(answer.body());
    } catch (JacksonException e) {
      return expected == null ? "" : "answers something else than JSON";
    }
    if (failed && json.path("code").asString("").equals(NOT_READY)) {
      // The replica runs, and has nothing to serve: whatever is expected, this is not it.
      return "answers that it is not ready: " + json.path("error").asString("");
    }
    if (expected == null) {
      return "";
    }
    for (Map.Entry<String, JsonNode> field : expected.properties()) {
      JsonNode found = json.path(field.getKey());
      if (!found.equals(field.getValue())) {
        return "answers %s: %s, expected %s"
            .formatted(field.getKey(), found.isMissingNode() ? "nothing" : found, field.getValue());
      }
    }
    return "";
  }
}
