package ai.seedcore.serve.daemon.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Keeps the history beyond the daemon's end, in one file of bounded size, which is replaced as a
 * whole. A history that cannot be read or written costs a warning, and nothing else.
 */
public final class HistoryFile implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(HistoryFile.class);

  private static final int SCHEMA = 1;

  /** The largest file that is read, in bytes. What is kept takes far less. */
  private static final long MAX_BYTES = 32 << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private final Path file;
  private final AtomicReference<@Nullable Kept> unwritten = new AtomicReference<>();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread made = new Thread(work, "history");
            made.setDaemon(true);
            return made;
          });

  private boolean warned;

  /**
   * What is kept.
   *
   * @param schema {@link #SCHEMA}
   * @param at when it was written, and so how long the daemon has lived at least
   * @param past the history
   * @param budgets the counts of each objective
   */
  record Kept(int schema, Instant at, Status.Past past, Map<String, List<Budgets.Hour>> budgets) {
    /** Requires all that is used of it: the file may be of another version, or somebody's. */
    Kept {
      Stream.of(at, past, past.since(), past.recoveries(), past.outages(), past.events(), budgets)
          .forEach(Objects::requireNonNull);
      past.recoveries().forEach(one -> requireAll(one.at(), one.steps()));
      past.outages().forEach(one -> requireAll(one.from(), one.reason()));
      past.events()
          .forEach(
              one -> requireAll(one.at(), one.phase(), one.cause(), one.reason(), one.action()));
      budgets.values().forEach(hours -> hours.forEach(Objects::requireNonNull));
    }

    private static void requireAll(Object... values) {
      Stream.of(values).forEach(Objects::requireNonNull);
    }

    Kept(Instant at, Status.Past past, Map<String, List<Budgets.Hour>> budgets) {
      this(SCHEMA, at, past, budgets);
    }
  }

  /** Creates a store that is read and written later. */
  public HistoryFile(Path file) {
    this.file = file;
  }

  /** Returns what an earlier daemon has kept; empty if there is nothing that can be read. */
  Optional<Kept> read() {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new IOException("larger than %d bytes".formatted(MAX_BYTES));
      }
      Kept kept = JSON.readValue(Files.readAllBytes(file), Kept.class);
      if (kept.schema() != SCHEMA) {
        throw new IOException("schema %d, expected %d".formatted(kept.schema(), SCHEMA));
      }
      return Optional.of(kept);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | JacksonException | NullPointerException e) {
      LOG.atWarn()
          .addKeyValue("file", file)
          .addKeyValue("error", e.getMessage())
          .log("the history of earlier daemons cannot be read; a new one begins");
      return Optional.empty();
    }
  }

  /** Writes a state soon, on another thread. Only the latest of several is written. */
  void write(Kept state) {
    if (unwritten.getAndSet(state) == null) {
      thread.execute(this::writeLatest);
    }
  }

  private synchronized void writeLatest() {
    Kept state = unwritten.getAndSet(null);
    if (state == null) {
      return;
    }
    // Another daemon, which takes over, may write at the same time.
    Path next =
        file.resolveSibling(
            "%s.%d.next".formatted(file.getFileName(), ProcessHandle.current().pid()));
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.write(next, JSON.writeValueAsBytes(state));
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException | JacksonException e) {
      if (!warned) {
        warned = true;
        LOG.atWarn()
            .addKeyValue("file", file)
            .addKeyValue("error", e)
            .log("the history cannot be kept beyond this daemon's end");
      }
    }
  }

  /** Waits until what was to be written has been written. */
  public void flush() {
    writeLatest();
  }

  /** Writes what has not been written, and ends the thread. */
  @Override
  public void close() {
    thread.shutdown();
    flush();
  }
}
