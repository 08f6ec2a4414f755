package ai.seedcore.serve.daemon.lead;

import ai.seedcore.serve.base.Foreign;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * A daemon that holds the lease, as it describes itself in the GCS.
 *
 * @param host the name of its machine
 * @param pid its process id
 * @param seat its machine and status address; only one living daemon can have them
 * @param life a random id, chosen at its start
 * @param version its version
 * @param declared a hash of everything that it declares
 * @param names the names of its declared deployments
 * @param beat grows with every renewal
 * @param released whether it has released the lease
 */
public record LeaseHolder(
    String host,
    long pid,
    String seat,
    String life,
    String version,
    String declared,
    List<String> names,
    long beat,
    boolean released) {

  /** The maximum number of another daemon's names to read. */
  private static final int MAX_NAMES = 1_000;

  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  LeaseHolder beat(long number) {
    return new LeaseHolder(host, pid, seat, life, version, declared, names, number, released);
  }

  LeaseHolder release() {
    return new LeaseHolder(host, pid, seat, life, version, declared, names, beat, true);
  }

  /** Returns the same daemon with changed declarations. */
  public LeaseHolder declares(String hash, List<String> all) {
    return new LeaseHolder(host, pid, seat, life, version, hash, all, beat, released);
  }

  /**
   * Returns whether another daemon may take this holder's lease at once. This is so if the holder
   * released it, or if the holder is the asker itself: a renewal that was in flight when the head
   * restarted can reach the next session. An asker that has not led yet may also take the lease of
   * an earlier daemon with its seat.
   */
  boolean yieldsTo(LeaseHolder asker, boolean starting) {
    return released || life.equals(asker.life) || (starting && seat.equals(asker.seat));
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  /**
   * Parses a key's value; empty if it cannot be parsed, because another version may have written
   * it.
   */
  static Optional<LeaseHolder> read(String text) {
    try {
      LeaseHolder holder = JSON.readValue(text, LeaseHolder.class);
      return Optional.of(
          new LeaseHolder(
              name(holder.host),
              holder.pid,
              name(holder.seat),
              name(holder.life),
              name(holder.version),
              name(holder.declared),
              names(holder.names),
              holder.beat,
              holder.released));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  /** Another version may not have written this field. */
  private static String name(@Nullable String told) {
    return told == null ? "" : Foreign.name(told);
  }

  private static List<String> names(@Nullable List<@Nullable String> told) {
    return told == null
        ? List.of()
        : told.stream().limit(MAX_NAMES).map(LeaseHolder::name).toList();
  }
}
