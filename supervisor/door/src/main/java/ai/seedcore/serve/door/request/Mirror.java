package ai.seedcore.serve.door.request;

import ai.seedcore.serve.base.Foreign;
import ai.seedcore.serve.door.DoorStatus;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.Route;
import ai.seedcore.serve.door.upstream.Replica;
import ai.seedcore.serve.door.upstream.Replicas;
import ai.seedcore.serve.door.upstream.Upstream;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sends copies of clients' requests to versions on trial, and compares the responses with those of
 * the versions that serve. Nobody else sees the responses to the copies. Only requests that may be
 * executed twice are copied, a few at a time. Used on the event loop only.
 */
public final class Mirror {

  /** How many copies of an application's requests are in flight at most. */
  private static final int PARALLEL = 4;

  /** How many comparisons at most say how long the responses take. */
  private static final int LATEST = 25;

  /** The longest body that is copied, in bytes. */
  private static final int MAX_BODY = 256 << 10;

  /** How much of a response is read for its error code. Errors are shorter. */
  private static final int MAX_ANSWER = 16 << 10;

  /** From which time on an unanswered copy counts with the time that it has taken so far. */
  private static final long LATE_NANOS = 500_000_000L;

  /** After which time an unanswered copy counts as failed, and when it is given up. */
  private static final long HUNG_NANOS = 5_000_000_000L;

  private static final long GIVEN_UP_NANOS = 30_000_000_000L;

  private final HttpClient http;
  private final Replicas replicas;
  private final String via;
  private final boolean contract;
  private final Supplier<DoorTokens> tokens;
  private final Map<String, Trial> trials = new HashMap<>();
  private final IdentityHashMap<Exchange, Pair> pairs = new IdentityHashMap<>();

  /** What is known of one version. */
  private static final class Trial {
    private final String version;

    /** Those of the latest that say how long the responses take. */
    private final ArrayDeque<Pair> latest = new ArrayDeque<>();

    private int compared;
    private int worse;
    private int alike;
    private final List<Pair> open = new ArrayList<>();
    private boolean begun;
    private long offered;
    private String example = "";

    Trial(String version) {
      this.version = version;
    }
  }

  /** A request and its copy, each with the status and the time of its response. */
  private static final class Pair {
    private final Trial trial;
    private final long sentAt = System.nanoTime();
    private @Nullable HttpClientRequest copy;
    private boolean dropped;
    private int status;
    private long nanos;
    private int copyStatus;
    private long copyNanos;
    private String text = "";

    Pair(Trial trial) {
      this.trial = trial;
    }

    boolean isWorse() {
      return isSuccess(status) && !isSuccess(copyStatus);
    }

    /** Returns whether only the original has been answered, for so long. */
    boolean isOpenFor(long time, long now) {
      return isSuccess(status) && copyStatus == 0 && now - sentAt > time;
    }

    private static boolean isSuccess(int status) {
      return status >= 200 && status < 400;
    }
  }

  /**
   * Creates a mirror without trials.
   *
   * @param via the door's own entry of the Via field
   * @param contract whether clients get errors with status 200
   * @param tokens those of the door, which are not forwarded
   */
  public Mirror(
      HttpClient http,
      Replicas replicas,
      String via,
      boolean contract,
      Supplier<DoorTokens> tokens) {
    this.tokens = tokens;
    this.http = http;
    this.replicas = replicas;
    this.via = via;
    this.contract = contract;
  }

  /**
   * Sets the versions on trial. No copies are sent before {@link #begin}.
   *
   * @param versions content versions, by application
   */
  public void trials(Map<String, String> versions) {
    trials
        .entrySet()
        .removeIf(
            known -> {
              boolean ended = !known.getValue().version.equals(versions.get(known.getKey()));
              if (ended) {
                List.copyOf(known.getValue().open).forEach(Mirror::giveUp);
              }
              return ended;
            });
    versions.forEach((app, version) -> trials.computeIfAbsent(app, name -> new Trial(version)));
  }

  /** Begins to copy an application's requests for its version on trial. */
  public void begin(String app) {
    Trial trial = trials.get(app);
    if (trial != null) {
      trial.begun = true;
    }
  }

  /** Copies a request that is being sent to a replica, if its application has a trial. */
  void sent(Exchange exchange, Upstream to, RequestBody body) {
    Route route = exchange.entry().route();
    Trial trial = trials.isEmpty() ? null : trials.get(route.app());
    if (trial == null
        || !trial.begun
        || !(to instanceof Replica)
        || route.mirrored() == 0
        || !route.idempotence().covers(exchange.request().method().name())
        || body.length() > MAX_BODY) {
      return;
    }
    Replica replica = replicas.onTrial(route.app());
    if (replica == null) {
      return;
    }
    trial.offered++;
    if (trial.open.size() < Math.min(PARALLEL, replica.limit())
        && trial.compared + trial.open.size() < route.mirrored()
        && pairs.get(exchange) == null) {
      Pair pair = new Pair(trial);
      trial.open.add(pair);
      pairs.put(exchange, pair);
      copy(exchange, replica, body, pair);
    }
  }

  private void copy(Exchange exchange, Replica replica, RequestBody body, Pair pair) {
    Body whole = body.bytes();
    if (whole != null) {
      whole.retain();
    }
    boolean compressed = body.wasCompressed();
    http.request(Forwarding.options(exchange.request().method(), exchange.target(), replica, true))
        .onSuccess(
            request -> {
              if (pair.dropped) {
                release(whole);
                request.exceptionHandler(nothing -> {}).reset();
                return;
              }
              pair.copy = request;
              Forwarding.mirrored(exchange, request, tokens.get(), via);
              if (compressed) {
                request.headers().remove("Content-Encoding");
              }
              request.headers().set(Replica.CREDENTIAL, replica.credential());
              send(request, whole, pair);
            })
        .onFailure(
            error -> {
              release(whole);
              drop(pair);
            });
  }

  private static void release(@Nullable Body body) {
    if (body != null) {
      body.release();
    }
  }

  private void send(HttpClientRequest request, @Nullable Body whole, Pair pair) {
    request.exceptionHandler(nothing -> {}); // The response's future fails, too.
    request
        .response()
        .onSuccess(response -> read(response, pair))
        // The replica or the network has failed, which is no response of the version.
        .onFailure(error -> drop(pair));
    if (whole == null) {
      request.end();
    } else {
      request.putHeader("Content-Length", String.valueOf(whole.length()));
      whole.end(request, 0);
      whole.release();
    }
  }

  private void read(HttpClientResponse response, Pair pair) {
    Buffer head = Buffer.buffer();
    response.handler(
        part -> {
          if (head.length() <= MAX_ANSWER) {
            head.appendBuffer(part);
          }
        });
    response.exceptionHandler(error -> drop(pair));
    response.endHandler(
        nothing -> {
          pair.copy = null;
          if (Attempt.refusal(response) != null) {
            drop(pair); // It was not executed.
          } else {
            answered(pair, response, head);
          }
        });
  }

  /** Records the response to a copy, with the status that a client would get. */
  private void answered(Pair pair, HttpClientResponse response, Buffer head) {
    int status = response.statusCode();
    boolean mapped = !Attempt.hasChosen(response) && (status == 200 || status == 500);
    String code = mapped && head.length() <= MAX_ANSWER ? Contract.code(head) : null;
    pair.copyStatus = Contract.status(status, code, contract);
    pair.copyNanos = System.nanoTime() - pair.sentAt;
    pair.text = "answers with status %d%s".formatted(pair.copyStatus, message(head));
    complete(pair);
  }

  /** Returns the message in an error response, as the end of a sentence. */
  private static String message(Buffer body) {
    try {
      String error = JsonMapper.shared().readTree(body.getBytes()).path("error").asString("");
      return error.isEmpty() ? "" : ": " + Foreign.message(error);
    } catch (JacksonException e) {
      return "";
    }
  }

  /** Records the end of a request. */
  void ended(Exchange exchange, int status) {
    Pair pair = pairs.remove(exchange);
    if (pair == null) {
      return;
    }
    pair.status = status;
    pair.nanos = System.nanoTime() - pair.sentAt;
    if (status == 499) {
      giveUp(pair); // The client has left: there is nothing to compare.
    } else {
      complete(pair);
    }
  }

  private static void complete(Pair pair) {
    Trial trial = pair.trial;
    if (pair.status > 0 && pair.copyStatus > 0 && trial.open.remove(pair)) {
      trial.compared++;
      if (pair.isWorse()) {
        trial.worse++;
        trial.example = trial.example.isEmpty() ? pair.text : trial.example;
      }
      // A refusal takes less time than an answer.
      if (Pair.isSuccess(pair.status) == Pair.isSuccess(pair.copyStatus)) {
        trial.latest.add(pair);
        trial.alike++;
        // The first ones were answered by a JVM that had just started.
        if (trial.latest.size() > Math.min(LATEST, (trial.alike + 1) / 2)) {
          trial.latest.remove();
        }
      }
    }
  }

  private static void drop(Pair pair) {
    pair.dropped = true;
    pair.copy = null;
    pair.trial.open.remove(pair);
  }

  private static void giveUp(Pair pair) {
    HttpClientRequest copy = pair.copy;
    drop(pair);
    if (copy != null) {
      copy.reset();
    }
  }

  /** Returns the comparisons so far, by application. Called several times a second. */
  public Map<String, DoorStatus.Comparison> comparisons() {
    if (trials.isEmpty()) {
      return Map.of();
    }
    long now = System.nanoTime();
    Map<String, DoorStatus.Comparison> comparisons = new TreeMap<>();
    trials.forEach(
        (app, trial) -> {
          List.copyOf(trial.open).stream()
              .filter(pair -> now - pair.sentAt > GIVEN_UP_NANOS)
              .forEach(Mirror::giveUp);
          comparisons.put(app, compare(trial, now));
        });
    return comparisons;
  }

  private static DoorStatus.Comparison compare(Trial trial, long now) {
    List<Long> originals = new ArrayList<>();
    List<Long> copies = new ArrayList<>();
    for (Pair pair : trial.latest) {
      originals.add(pair.nanos);
      copies.add(pair.copyNanos);
    }
    List<Pair> late = trial.open.stream().filter(pair -> pair.isOpenFor(LATE_NANOS, now)).toList();
    for (Pair pair : late) {
      originals.add(pair.nanos);
      copies.add(now - pair.sentAt);
    }
    long hung = late.stream().filter(pair -> pair.isOpenFor(HUNG_NANOS, now)).count();
    return new DoorStatus.Comparison(
        trial.version,
        trial.offered,
        trial.compared + late.size(),
        (int) (trial.worse + hung),
        median(originals),
        median(copies),
        trial.example.isEmpty() && hung > 0 ? "does not answer within 5 s" : trial.example);
  }

  /** Returns the median in milliseconds; 0 of nothing. */
  private static double median(List<Long> nanos) {
    return nanos.isEmpty() ? 0 : nanos.stream().sorted().toList().get(nanos.size() / 2) / 1e6;
  }
}
