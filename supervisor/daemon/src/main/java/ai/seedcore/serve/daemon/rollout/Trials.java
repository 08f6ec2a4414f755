package ai.seedcore.serve.daemon.rollout;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.base.http.Http;
import ai.seedcore.serve.base.http.Http.Answer;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.config.Probe;
import ai.seedcore.serve.daemon.rollout.Verdict.Outcome;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.upstream.Replica;
import ai.seedcore.serve.door.upstream.Replicas;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tries versions before they take over: finds a replica of each version on trial, sends it the
 * declared probe and examples, and then watches how it answers copies of clients' requests, which
 * the front door sends. It changes nothing; the control loop acts on its verdicts.
 */
public final class Trials {

  private static final long TICK_MS = 100;

  /** How often a probe that fails is repeated. */
  private static final int PROBES = 3;

  /** How many replicas may die during a trial before it has failed. */
  private static final int LOSSES = 3;

  private static final Duration EXAMPLE_TIMEOUT = Duration.ofSeconds(30);

  /**
   * How long a replica may run without proving its identity. It listens as soon as it is healthy;
   * another one replaces it if it never is.
   */
  private static final Duration OUT_OF_REACH = Duration.ofSeconds(30);

  private final Context context;
  private final Http http;
  private final Replicas replicas;
  private final Supplier<@Nullable DoorStatus> door;
  private final Consumer<String> mirror;
  private final Map<String, Trial> trials = new HashMap<>();
  private Map<String, DeclaredJava> declared = Map.of();
  private volatile Map<String, Verdict> verdicts = Map.of();

  /** One version on trial. */
  private static final class Trial {
    private final String version;
    private final Map<String, Long> listed = new HashMap<>();
    private final Set<String> before;
    private boolean reached;
    private String actor = "";
    private int losses;
    private boolean asking;
    private int failedProbes;
    private int examples = -1;
    private long watchedSince;
    private String failure = "";
    private boolean passed;

    /**
     * Begins anew if the replica that was tried is no longer listed. Returns whether that has
     * happened too often.
     */
    private boolean hasLost(String found) {
      boolean another = !actor.isEmpty() && !actor.equals(found) && !listed.containsKey(actor);
      if (another) {
        losses++;
        examples = -1;
        failedProbes = 0;
        watchedSince = 0;
      }
      actor = another || actor.isEmpty() ? found : actor;
      return losses >= LOSSES;
    }

    Trial(String version, Set<String> before) {
      this.version = version;
      this.before = before;
    }
  }

  /**
   * Creates trials, without any.
   *
   * @param door returns the figures of the front door; null if there is none
   * @param mirror has the front door send copies of an application's requests
   */
  public Trials(Vertx vertx, Supplier<@Nullable DoorStatus> door, Consumer<String> mirror) {
    this.mirror = mirror;
    this.context = vertx.getOrCreateContext();
    this.http = new Http(vertx);
    this.door = door;
    this.replicas = new Replicas(vertx, context, () -> {});
    context.runOnContext(nothing -> vertx.setPeriodic(TICK_MS, timer -> tick()));
  }

  /** Sets the declared applications. Called on any thread. */
  public void declare(List<DeclaredApplication> applications) {
    Map<String, DeclaredJava> java =
        applications.stream()
            .filter(DeclaredJava.class::isInstance)
            .map(DeclaredJava.class::cast)
            .collect(Collectors.toMap(DeclaredJava::name, each -> each));
    context.runOnContext(nothing -> declared = java);
  }

  /**
   * Sets the versions on trial, and the replicas. Called on any thread.
   *
   * @param key the key with which replicas prove their identity
   * @param endpoints the replicas of the declared applications
   * @param versions the content versions on trial, by application
   */
  public void list(String key, List<Replica.Endpoint> endpoints, Map<String, String> versions) {
    context.runOnContext(
        nothing -> {
          trials
              .entrySet()
              .removeIf(each -> !each.getValue().version.equals(versions.get(each.getKey())));
          List<Replica.Endpoint> some =
              endpoints.stream().filter(each -> versions.containsKey(each.app())).toList();
          Set<String> actors =
              some.stream().map(Replica.Endpoint::actor).collect(Collectors.toSet());
          versions.forEach(
              (app, version) -> trials.computeIfAbsent(app, n -> new Trial(version, actors)));
          replicas.set(key, some);
          replicas.trials(versions);
          trials.forEach(
              (app, trial) -> note(trial, some.stream().filter(e -> e.app().equals(app))));
        });
  }

  private static void note(Trial trial, Stream<Replica.Endpoint> endpoints) {
    Map<String, Long> before = Map.copyOf(trial.listed);
    trial.listed.clear();
    endpoints.forEach(
        endpoint ->
            trial.listed.put(
                endpoint.actor(), before.getOrDefault(endpoint.actor(), System.nanoTime())));
  }

  /** Returns the results so far, by application. Called on any thread. */
  public Map<String, Verdict> verdicts() {
    return verdicts;
  }

  private void tick() {
    if (trials.isEmpty()) {
      verdicts = Map.of();
      return;
    }
    long now = System.nanoTime();
    replicas.ask(now);
    Map<String, Verdict> next = new TreeMap<>();
    trials.forEach((app, trial) -> next.put(app, advance(app, trial, now)));
    verdicts = next;
  }

  private Verdict advance(String app, Trial trial, long now) {
    DeclaredJava deployment = declared.get(app);
    Replica replica = replicas.onTrial(app);
    if (!trial.failure.isEmpty()) {
      return new Verdict(trial.version, Outcome.FAILED, trial.failure);
    } else if (trial.passed) {
      return new Verdict(trial.version, Outcome.PASSED, "");
    } else if (deployment == null) {
      return open(trial, "it is not declared here");
    } else if (replica == null) {
      return isOutOfReach(app, trial, now)
          ? new Verdict(
              trial.version, Outcome.PASSED, "its replica cannot be reached, so it is not tried")
          : open(trial, "it starts");
    }
    trial.reached = true;
    if (trial.hasLost(replica.endpoint().actor())) {
      trial.failure = "does not stay alive: %d of its replicas have died".formatted(LOSSES);
      return open(trial, "");
    }
    Probe probe = deployment.probe();
    if (trial.examples < 0 && probe != null) {
      probe(trial, replica, deployment, probe);
      return open(trial, "it is probed");
    }
    trial.examples = Math.max(0, trial.examples);
    if (trial.examples < deployment.upgrade().examples().size()) {
      example(trial, replica, deployment);
      return open(trial, "it answers the examples");
    }
    if (trial.watchedSince == 0) {
      trial.watchedSince = now;
      mirror.accept(app); // Not before: until now, it was not warm.
    }
    DoorStatus seen = door.get();
    Verdict verdict =
        Judge.judge(
            trial.version,
            seen == null ? null : seen.trials().get(app),
            deployment.upgrade(),
            Duration.ofNanos(now - trial.watchedSince));
    trial.passed = verdict.outcome() == Outcome.PASSED;
    trial.failure = verdict.outcome() == Outcome.FAILED ? verdict.why() : "";
    return verdict;
  }

  private static Verdict open(Trial trial, String what) {
    return new Verdict(trial.version, Outcome.OPEN, what);
  }

  /** Returns whether a replica has run for long, and neither it nor another can be reached. */
  private boolean isOutOfReach(String app, Trial trial, long now) {
    return !trial.reached
        && replicas.all().stream()
            .filter(replica -> !trial.before.contains(replica.endpoint().actor()))
            .filter(replica -> replica.endpoint().app().equals(app) && replica.version().isEmpty())
            .map(replica -> trial.listed.getOrDefault(replica.endpoint().actor(), now))
            .anyMatch(since -> now - since > OUT_OF_REACH.toNanos());
  }

  private void probe(Trial trial, Replica replica, DeclaredJava deployment, Probe probe) {
    ask(
        trial,
        send(replica, deployment, probe.bodyText(), probe.timeout()),
        answer -> probe.mismatch(answer).map(why -> why + message(answer)).orElse(""),
        failure -> {
          if (failure.isEmpty()) {
            trial.examples = 0;
          } else if (++trial.failedProbes >= PROBES) {
            trial.failure = "fails its probe: it " + failure;
          }
        });
  }

  private void example(Trial trial, Replica replica, DeclaredJava deployment) {
    int index = trial.examples;
    JsonNode body = deployment.upgrade().examples().get(index);
    ask(
        trial,
        send(replica, deployment, Probe.text(body), EXAMPLE_TIMEOUT),
        answer ->
            answer.status() / 100 == 2 && message(answer).isEmpty()
                ? ""
                : "answers with status " + answer.status() + message(answer),
        failure -> {
          if (failure.isEmpty()) {
            trial.examples++;
          } else {
            trial.failure = "fails upgrade.examples[%d]: it %s".formatted(index, failure);
          }
        });
  }

  /** Returns the message in an error response, as the end of a sentence. */
  private static String message(Answer answer) {
    try {
      JsonNode json = JsonMapper.shared().readTree(answer.body());
      boolean failed =
          answer.status() / 100 != 2 || json.path("status").asString("").equals("error");
      String error = json.path("error").asString(failed && json.isObject() ? "an error" : "");
      return !failed || error.isEmpty() ? "" : ": " + Foreign.message(error);
    } catch (JacksonException e) {
      return "";
    }
  }

  private Supplier<Future<Answer>> send(
      Replica replica, DeclaredJava deployment, @Nullable String body, Duration timeout) {
    return () ->
        Future.fromCompletionStage(
            http.call(
                replica.uri() + deployment.route(),
                Map.of(Replica.CREDENTIAL, replica.credential()),
                body,
                timeout),
            context);
  }

  /** Sends a request unless one is pending, and passes on why it failed; empty if it did not. */
  private static void ask(
      Trial trial,
      Supplier<Future<Answer>> request,
      Function<Answer, String> check,
      Consumer<String> then) {
    if (trial.asking) {
      return;
    }
    trial.asking = true;
    request
        .get()
        .onComplete(
            result -> {
              trial.asking = false;
              then.accept(
                  result.succeeded() ? check.apply(result.result()) : Http.reason(result.cause()));
            });
  }
}
