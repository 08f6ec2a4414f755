package ai.seedcore.serve.daemon.lead;

import ai.seedcore.serve.base.Foreign;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * A daemon that leads, as it describes itself in the cluster.
 *
 * @param host the name of its machine
 * @param pid its process
 * @param seat its machine and status address: of two daemons with one seat only one can live
 * @param life chosen by chance at its start
 * @param version its version
 * @param declared a hash of all that it declares
 * @param names what it declares
 * @param beat grows with every renewal
 * @param released whether it gave the lead back
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

  /** Of what another declares, so many are looked at. */
  private static final int MOST = 1_000;

  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  LeaseHolder beat(long number) {
    return new LeaseHolder(host, pid, seat, life, version, declared, names, number, released);
  }

  LeaseHolder release() {
    return new LeaseHolder(host, pid, seat, life, version, declared, names, beat, true);
  }

  /** The same daemon, which now declares something else. */
  public LeaseHolder declares(String hash, List<String> all) {
    return new LeaseHolder(host, pid, seat, life, version, hash, all, beat, released);
  }

  /**
   * Whether this daemon's lead may be taken at once: it was given back, or is the asker's own. That
   * is so of a beat that was on its way when the head restarted, and reached the next cluster; and,
   * at the asker's start, of who had its seat before.
   */
  boolean yieldsTo(LeaseHolder asker, boolean starting) {
    return released || life.equals(asker.life) || (starting && seat.equals(asker.seat));
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  /** Reads one; empty where it is none, as another version of this program may have written it. */
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

  /** What another version of this program need not have written. */
  private static String name(@Nullable String told) {
    return told == null ? "" : Foreign.name(told);
  }

  private static List<String> names(@Nullable List<@Nullable String> told) {
    return told == null ? List.of() : told.stream().limit(MOST).map(LeaseHolder::name).toList();
  }
}
