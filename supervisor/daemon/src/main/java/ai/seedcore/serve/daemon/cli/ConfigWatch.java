package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.config.SourceFolder;
import ai.seedcore.serve.daemon.host.Children;
import ai.seedcore.serve.daemon.loop.Supervisor.DesiredState;
import ai.seedcore.serve.daemon.pack.Cache;
import ai.seedcore.serve.daemon.pack.Packages;
import ai.seedcore.serve.daemon.report.Status;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Supplies the desired state, and reads it again when the configuration file, a jar or a file of a
 * deployment has changed. While the new configuration is invalid, the last good one stays in
 * effect. Polls the files' times twice a second, which works on every file system and with the
 * symbolic links of Kubernetes. Reads a change only after it has been stable for half a second,
 * because somebody may still be writing.
 */
final class ConfigWatch implements Supplier<DesiredState> {

  private static final Logger LOG = LoggerFactory.getLogger(ConfigWatch.class);
  private static final long POLL_NANOS = 500_000_000L;

  /** The settings that take effect at once. All others need a restart. */
  private static final Set<String> LIVE = Set.of("deployments", "builtin", "logLevel", "logFormat");

  private final Supplier<Settings> load;
  private final @Nullable Path file;
  private final Cache cache;
  private final Settings first;
  private DesiredState desired;
  private List<String> taken;
  private List<String> found;
  private long lookedAt = System.nanoTime();

  /**
   * Creates a watch.
   *
   * @param first the settings that were read at the start
   * @param file the configuration file; null if there is none
   * @param load reads the settings again
   */
  ConfigWatch(Settings first, @Nullable Path file, Supplier<Settings> load, Cache cache)
      throws IOException {
    this.first = first;
    this.file = file;
    this.load = load;
    this.cache = cache;
    Children.withhold(first.secretVariables());
    this.desired = new DesiredState(Packages.pack(first.deployments(), cache), status(null));
    this.taken = fingerprints();
    this.found = taken;
  }

  @Override
  public DesiredState get() {
    if (file == null || System.nanoTime() - lookedAt < POLL_NANOS) {
      return desired;
    }
    lookedAt = System.nanoTime();
    List<String> now = fingerprints();
    boolean still = now.equals(found);
    found = now;
    if (still && !now.equals(taken)) {
      taken = now;
      read();
      taken = fingerprints(); // Of the files that are declared now.
      found = taken;
    }
    return desired;
  }

  private void read() {
    try {
      Settings settings = load.get();
      Children.withhold(settings.secretVariables());
      Packages packages = Packages.pack(settings.deployments(), cache);
      Set<String> later = differences(settings);
      if (!later.isEmpty()) {
        LOG.atWarn().addKeyValue("keys", later).log("changed keys take effect at the next start");
      }
      Logging.set(settings);
      boolean same =
          packages.hash().equals(desired.packages().hash())
              && packages.declared().equals(desired.packages().declared());
      desired = new DesiredState(same ? desired.packages() : packages, status(null));
    } catch (ConfigException | IOException e) {
      String error =
          e instanceof ConfigException
              ? e.getMessage()
              : "cannot read a jar or a file, or write to the cache; the details are logged at"
                  + " level debug";
      LOG.debug("the configuration cannot be loaded", e);
      LOG.atError()
          .addKeyValue("error", error)
          .log("the changed configuration is invalid; the last valid one stays in effect");
      desired = new DesiredState(desired.packages(), status(error));
    }
  }

  private Status.ConfigStatus status(@Nullable String error) {
    return new Status.ConfigStatus(file == null ? null : file.toString(), error);
  }

  private Set<String> differences(Settings settings) {
    Set<String> names = new TreeSet<>();
    for (RecordComponent component : Settings.class.getRecordComponents()) {
      try {
        Object before = component.getAccessor().invoke(first);
        Object after = component.getAccessor().invoke(settings);
        if (!LIVE.contains(component.getName()) && !String.valueOf(before).equals("" + after)) {
          names.add(component.getName());
        }
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
    return names;
  }

  /** Returns what identifies the current version of each file. */
  private List<String> fingerprints() {
    List<String> fingerprints = new ArrayList<>();
    if (file != null) {
      fingerprints.add(fingerprint(file));
    }
    for (DeclaredApplication deployment : desired.packages().declared()) {
      deployment.definedBy().forEach(path -> fingerprints.add(fingerprint(path)));
      for (Path source : deployment.sources()) {
        if (Files.isDirectory(source)) {
          fingerprints.addAll(inside(source));
        } else {
          fingerprints.add(fingerprint(source));
        }
      }
    }
    return fingerprints;
  }

  private static List<String> inside(Path folder) {
    try {
      return SourceFolder.files(folder).stream().map(ConfigWatch::fingerprint).toList();
    } catch (IOException e) {
      return List.of(folder + " cannot be read");
    }
  }

  private static String fingerprint(Path path) {
    try {
      BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
      return "%s %s %d %s".formatted(path, now.lastModifiedTime(), now.size(), now.fileKey());
    } catch (IOException e) {
      return path + " cannot be read";
    }
  }
}
