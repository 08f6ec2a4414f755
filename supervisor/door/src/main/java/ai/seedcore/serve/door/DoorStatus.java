package ai.seedcore.serve.door;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the front door does and has done since it was opened.
 *
 * @param address the address that it listens on
 * @param waiting requests that wait for their route
 * @param underWay requests that have been sent upstream and whose response is not complete
 * @param keptBytes bytes of requests and unread responses that are in memory
 * @param connections clients' connections
 * @param held requests that had to wait
 * @param replayed retries
 * @param hedged slow requests that were sent to a second replica as well
 * @param refused requests that the door refused itself, by error code
 * @param answered responses to the applications' requests, by application and status
 * @param timings how long the applications' requests took
 * @param load for each declared application, the requests that wait or that have been sent to its
 *     replicas without a proxy
 * @param proxies Serve's proxies
 * @param replicas the replicas that may have a direct path
 * @param trials how versions on trial compare with those that serve, by application
 */
public record DoorStatus(
    String address,
    int waiting,
    int underWay,
    long keptBytes,
    int connections,
    long held,
    long replayed,
    long hedged,
    Map<String, Long> refused,
    List<Answered> answered,
    List<Timing> timings,
    Map<String, Integer> load,
    List<ProxyStatus> proxies,
    List<ReplicaStatus> replicas,
    Map<String, Comparison> trials) {

  /**
   * The responses to one application's requests with one status.
   *
   * @param status the HTTP status; 499: the client left before the response
   * @param seconds the sum of their durations
   */
  public record Answered(String app, int status, long times, double seconds) {}

  /**
   * How long one application's requests took.
   *
   * @param failed responses with a status of 500 or more
   * @param late responses with another status that took longer than the declared objective; 0 if
   *     none is declared
   * @param latency from the complete arrival of the request to the beginning of its response,
   *     except for clients that left
   * @param hold how long requests waited in the door before they were sent the first time
   */
  public record Timing(String app, long failed, long late, Histogram latency, Histogram hold) {}

  /** Returns how long an application's requests took; empty before the first. */
  public Optional<Timing> timing(String app) {
    return timings.stream().filter(timing -> timing.app().equals(app)).findFirst();
  }

  /** Returns how many replicas of an application get requests without a proxy. */
  public long direct(String app) {
    return replicas.stream()
        .filter(replica -> replica.app().equals(app) && replica.state().equals("ready"))
        .count();
  }

  /**
   * A version on trial, compared with the one that serves by the same requests.
   *
   * @param version the content version on trial
   * @param offered requests that could be copied since it is warm
   * @param compared requests that both have answered
   * @param worse those that only the version that serves has answered with a success
   * @param millis the median time of the version that serves, over the latest of those that both
   *     answered alike: half of them, and 25 at most; and of those to which the one on trial has
   *     not responded for half a second
   * @param trialMillis the median time of the version on trial, over the same
   * @param example how the version on trial has failed; empty if it has not
   */
  public record Comparison(
      String version,
      long offered,
      int compared,
      int worse,
      double millis,
      double trialMillis,
      String example) {}

  /** One of Serve's proxies, and whether it serves any route. */
  public record ProxyStatus(String url, boolean serves) {}

  /**
   * A replica as the direct path sees it.
   *
   * @param address its host and port
   * @param state {@code ready}: it gets requests; {@code ejected}: it fails while others succeed,
   *     and gets none for a while; {@code unreachable}: the proxies serve it; {@code draining}: it
   *     completes its requests
   * @param version the content version that it has proved; empty if none
   * @param underWay requests that have been sent to it and whose response is not complete
   */
  public record ReplicaStatus(
      String app, String address, String state, String version, int underWay) {}
}
