package ai.seedcore.serve.daemon.lead;

import ai.seedcore.serve.daemon.decide.Role;
import ai.seedcore.serve.gcs.Gcs;
import ai.seedcore.serve.gcs.GcsFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Claims, renews and releases the lease, with keys in the GCS. Daemons of one cluster share neither
 * disk nor host, but they share its GCS. No method except {@link #release} blocks: a request begins
 * in one lap and its result is taken in a later one. Used by the control thread only.
 */
public final class Leadership {

  private static final Logger LOG = LoggerFactory.getLogger(Leadership.class);

  private static final String PREFIX = "leader/";

  /** The intervals at which a leader renews the lease and a standby watches it. */
  private static final Duration RENEW = Duration.ofSeconds(2);

  private static final Duration WATCH = Duration.ofSeconds(1);

  private final LeaseStore store;
  private final Runnable wake;
  private LeaseHolder self;
  private Lease lease = Lease.UNKNOWN;
  private String session = "";
  private boolean led;
  private boolean wasAble;
  private @Nullable CompletableFuture<Lease.Found> turn;
  private Instant next = Instant.MIN;
  private long beat;

  /**
   * Creates the leadership of one cluster.
   *
   * @param self how this daemon describes itself as lease holder
   * @param wake called when there is news
   */
  public Leadership(Gcs gcs, LeaseHolder self, Runnable wake) {
    this(LeaseStore.in(gcs), self, wake);
  }

  Leadership(LeaseStore store, LeaseHolder self, Runnable wake) {
    this.store = store;
    this.self = self;
    this.wake = wake;
  }

  /** Changes how this daemon describes itself. */
  public void introduce(LeaseHolder changed) {
    self = changed;
  }

  /** Returns how this daemon describes itself. */
  public LeaseHolder self() {
    return self;
  }

  /**
   * Returns the current role, as far as it is known.
   *
   * @param inSession the session; a new session has no lease
   * @param able whether this daemon could act; otherwise it does not claim the lease
   */
  public Role role(String inSession, boolean able, Instant now) {
    if (!inSession.equals(session)) {
      session = inSession;
      wasAble = false;
      lease = Lease.UNKNOWN;
      turn = null;
      next = Instant.MIN;
    }
    if (turn != null && turn.isDone()) {
      take(turn, now);
      turn = null;
    }
    // Then it claims without waiting for the next turn.
    boolean becameAble = able && !wasAble && !lease.leads(now);
    if (turn == null && (becameAble || !now.isBefore(next))) {
      wasAble = able;
      next = now.plus(lease.leads(now) ? RENEW : WATCH);
      begin(able, now);
    }
    if (lease.leads(now)) {
      return new Role.Leads();
    }
    Lease.Other other = lease.other();
    // A holder that is dead, has released the lease, or is this daemon itself does not lead, even
    // if this daemon cannot claim the lease.
    if (other == null || overtakes(other.text(), lease.expired(now), !led)) {
      return new Role.Undecided();
    }
    return new Role.StandsBy(describe(other));
  }

  private void take(CompletableFuture<Lease.Found> done, Instant now) {
    try {
      boolean before = lease.leads(now);
      lease = lease.after(done.join(), now);
      if (before != lease.leads(now)) {
        LOG.atInfo()
            .addKeyValue("leads", !before)
            .addKeyValue("epoch", lease.held())
            .log("leadership changed");
      }
      led |= lease.held() > 0;
    } catch (CompletionException e) {
      LOG.debug(
          "cannot read the lease: GCS {}", GcsFailure.reason(e)); // The lease expires by itself.
    }
  }

  private void begin(boolean able, Instant now) {
    boolean settled = lease.leads(now);
    CompletableFuture<Lease.Found> begun =
        lease.held() > 0
            ? put(lease.held(), self.beat(++beat), true).thenCompose(ignored -> look(able, now))
            : look(able, now);
    turn =
        begun.whenComplete(
            (found, error) -> {
              if (!(settled && found instanceof Lease.Held)) {
                wake.run();
              }
            });
  }

  private CompletableFuture<Lease.Found> look(boolean able, Instant began) {
    long held = lease.held();
    String expired = lease.expired(began);
    boolean first = !led;
    return store
        .keys(PREFIX)
        .thenCompose(
            keys -> {
              long top = keys.stream().mapToLong(Leadership::epoch).max().orElse(0);
              if (held > 0 && top == held) {
                return CompletableFuture.completedFuture(new Lease.Held(held, began));
              }
              return top == 0
                  ? claimIf(able, 1, new Lease.Free(), began)
                  : store
                      .get(key(top))
                      .thenCompose(
                          text ->
                              claimIf(
                                  able && overtakes(text.orElse(""), expired, first),
                                  top + 1,
                                  new Lease.Taken(top, text.orElse("")),
                                  began));
            });
  }

  private boolean overtakes(String text, @Nullable String expired, boolean first) {
    return text.equals(expired)
        || LeaseHolder.read(text).map(holder -> holder.yieldsTo(self, first)).orElse(false);
  }

  private CompletableFuture<Lease.Found> claimIf(
      boolean may, long epoch, Lease.Found otherwise, Instant began) {
    if (!may) {
      return CompletableFuture.completedFuture(otherwise);
    }
    return put(epoch, self.beat(0), false)
        .thenCompose(
            added ->
                !added
                    // Another daemon was faster.
                    ? CompletableFuture.completedFuture(new Lease.Free())
                    : store
                        .delete(key(epoch - 1))
                        .<Lease.Found>handle((gone, error) -> new Lease.Held(epoch, began)));
  }

  private CompletableFuture<Boolean> put(long epoch, LeaseHolder says, boolean overwrite) {
    return store.put(key(epoch), says.text(), overwrite);
  }

  private String describe(Lease.Other other) {
    Optional<LeaseHolder> read = LeaseHolder.read(other.text());
    if (read.isEmpty()) {
      return "another daemon leads";
    }
    LeaseHolder leader = read.get();
    String text =
        "another daemon leads: pid %d on %s, version %s"
            .formatted(leader.pid(), leader.host(), leader.version());
    return leader.declared().equals(self.declared())
        ? text
        : text
            + "; it declares other deployments (%s) than this daemon (%s), which would deploy its own"
                .formatted(String.join(", ", leader.names()), String.join(", ", self.names()))
            + " if that daemon ended";
  }

  /**
   * Releases the lease, so that no other daemon has to wait until it expires. Blocks for up to
   * {@code patience} per request.
   */
  public void release(Duration patience) {
    if (lease.held() == 0) {
      return;
    }
    try {
      if (turn != null) {
        turn.handle((found, error) -> found).get(patience.toMillis(), TimeUnit.MILLISECONDS);
      }
      put(lease.held(), self.release(), true).get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("the lease was not released and will expire: {}", e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    lease = Lease.UNKNOWN;
  }

  private static String key(long epoch) {
    return PREFIX + epoch;
  }

  private static long epoch(String key) {
    try {
      return Long.parseLong(key.substring(PREFIX.length()));
    } catch (NumberFormatException e) {
      return 0; // Not a lease key.
    }
  }
}
