package ai.seedcore.serve.daemon.config;

import static ai.seedcore.serve.daemon.config.DeclaredJava.require;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an application's clients may expect of the front door, over 30 days.
 *
 * @param availability the share of requests that must not be answered with a status of 500 or more;
 *     null for no objective
 * @param latency how long the other responses may take; null for no objective
 */
public record Objectives(@Nullable Double availability, @Nullable Latency latency) {

  /** What holds if nothing is declared. */
  public static final Objectives NONE = new Objectives(null, null);

  private static final double MAX_SECONDS = 3_600;

  /** Validates the values. */
  public Objectives {
    if (availability != null) {
      requireShare("availability", availability);
    }
  }

  /**
   * How long responses may take.
   *
   * @param withinS seconds from the arrival of a request to its response
   * @param share the share of responses that must not take longer
   */
  public record Latency(
      @JsonProperty(required = true) Double withinS, @JsonProperty(required = true) Double share) {

    /** Validates the values. */
    public Latency {
      require(
          withinS != null && withinS > 0 && withinS <= MAX_SECONDS,
          "within_s",
          String.valueOf(withinS),
          "seconds greater than 0 and at most 3600");
      requireShare("share", share == null ? 0 : share);
    }
  }

  private static void requireShare(String field, double share) {
    require(
        share > 0 && share < 1,
        field,
        String.valueOf(share),
        "a share greater than 0 and less than 1, such as 0.999");
  }

  /** Returns how long a response may take; zero for any time. */
  public Duration within() {
    return latency == null ? Duration.ZERO : Duration.ofNanos(Math.round(latency.withinS() * 1e9));
  }
}
