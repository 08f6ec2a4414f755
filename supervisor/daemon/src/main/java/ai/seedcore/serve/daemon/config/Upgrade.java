package ai.seedcore.serve.daemon.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * How a new version of a deployment replaces the old one.
 *
 * @param order whether the new version starts first; by default auto
 * @param examples bodies of requests that the new version must answer with a success before it
 *     takes over, and which warm it up
 * @param mirrored how many of the clients' requests that are sent to the new version as well,
 *     without using its responses, decide; by default 50, 0 for none. Only requests that may be
 *     executed twice are mirrored
 * @param maxFailures the largest share of mirrored requests that may fail although the old version
 *     answers them; by default 0.02
 * @param maxSlowdown how many times as long as the old version the new one may take, in the median;
 *     by default 3
 */
public record Upgrade(
    Order order,
    List<JsonNode> examples,
    Integer mirrored,
    Double maxFailures,
    Double maxSlowdown) {

  /** Which version of a deployment stops or starts first. */
  public enum Order {
    /** The new version starts first if a node has room for both. */
    @JsonProperty("auto")
    AUTO,
    /** The new version starts first, even if it has to wait for room. */
    @JsonProperty("start-first")
    START_FIRST,
    /** The old version stops first, without a trial of the new one. */
    @JsonProperty("stop-first")
    STOP_FIRST
  }

  /** How many requests a JVM may need to compile what it executes. */
  private static final int MOST = 500;

  /** What holds if nothing is declared. */
  @SuppressWarnings("NullAway") // Null selects the default.
  public static final Upgrade DEFAULT = new Upgrade(null, null, null, null, null);

  /** Fills in defaults and validates the rest. */
  @SuppressWarnings("NullAway") // Omitted values are null here and are replaced by their defaults.
  public Upgrade {
    order = order == null ? Order.AUTO : order;
    examples = examples == null ? List.of() : List.copyOf(examples);
    mirrored = mirrored == null ? 50 : mirrored;
    maxFailures = maxFailures == null ? 0.02 : maxFailures;
    maxSlowdown = maxSlowdown == null ? 3.0 : maxSlowdown;
    DeclaredJava.require(
        examples.size() <= 100, "examples", examples.size() + " examples", "at most 100");
    DeclaredJava.require(
        mirrored >= 0 && mirrored <= 10_000,
        "mirrored",
        String.valueOf(mirrored),
        "a number from 0 to 10000");
    DeclaredJava.require(
        maxFailures >= 0 && maxFailures <= 1,
        "max_failures",
        String.valueOf(maxFailures),
        "a share from 0 to 1");
    DeclaredJava.require(
        maxSlowdown >= 1, "max_slowdown", String.valueOf(maxSlowdown), "a factor of 1 or more");
  }

  /** Returns how many requests are mirrored until the trial has ended, at most. */
  public int mostMirrored() {
    return mirrored == 0 ? 0 : Math.max(MOST, 10 * mirrored);
  }
}
