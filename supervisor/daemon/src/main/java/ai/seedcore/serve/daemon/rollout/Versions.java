package ai.seedcore.serve.daemon.rollout;

import ai.seedcore.serve.protocol.Application;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Which version of each Java application serves, and which one is on trial. The leader records this
 * in the cluster before it submits anything, so that every daemon, every front door and the
 * controller (java_support.py) know it, and so that it outlives the daemon.
 *
 * @param apps what is known, by application
 */
public record Versions(Map<String, Known> apps) {

  /** Where they are recorded in the GCS. */
  public static final String NAMESPACE = "seedcore";

  public static final String KEY = "versions";

  /** Nothing is known. */
  public static final Versions NONE = new Versions(Map.of());

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .changeDefaultPropertyInclusion(
              all -> all.withValueInclusion(JsonInclude.Include.NON_NULL))
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  public Versions {
    apps = Map.copyOf(apps);
  }

  /**
   * What is known about one application.
   *
   * @param good the application as it was submitted and accepted last
   * @param trial the version that may replace it; null if there is none
   */
  public record Known(Application good, @Nullable Trial trial) {

    /** Brings the application into the form in which it is read from JSON. */
    public Known {
      // An application of another program's making may lack them.
      Objects.requireNonNull(good.name());
      Objects.requireNonNull(good.version());
      Objects.requireNonNull(good.lifecycle());
      good = normalized(good);
    }

    /** Returns whether a version is on trial. */
    public boolean tries(String version) {
      return trial != null && trial.rejected() == null && trial.version().equals(version);
    }

    /**
     * Returns whether a version was tried and rejected.
     *
     * @param terms what it was tried with; with anything else it is tried again
     */
    public boolean rejects(String version, String terms) {
      return trial != null
          && trial.rejected() != null
          && trial.version().equals(version)
          && trial.terms().equals(terms);
    }
  }

  /**
   * A version that may replace another one.
   *
   * @param version the content version
   * @param terms a hash of its probe, its limits, and its settings that change in place
   * @param rejected why it must not; null while that is open
   */
  public record Trial(String version, String terms, @Nullable String rejected) {

    /** Requires what an application of another program's making may lack. */
    public Trial {
      Objects.requireNonNull(version);
      Objects.requireNonNull(terms);
    }
  }

  /**
   * Returns an application as it is read from JSON, so that what was recorded equals what is
   * wanted.
   */
  private static Application normalized(Application application) {
    return JSON.readValue(JSON.writeValueAsString(application), Application.class);
  }

  /**
   * Reads the recorded text.
   *
   * @return nothing if it cannot be read: another version of the daemon may have written it
   */
  public static Versions parse(String text) {
    try {
      return new Versions(JSON.readValue(text, new TypeReference<Map<String, Known>>() {}));
    } catch (JacksonException | NullPointerException e) {
      return NONE;
    }
  }

  /** Returns the text to record. */
  public String text() {
    return JSON.writeValueAsString(new TreeMap<>(apps));
  }

  /** Returns what is known about an application; null if nothing is. */
  public @Nullable Known of(String app) {
    return apps.get(app);
  }

  /** Returns the content versions that must not serve, by application. */
  public Map<String, String> held() {
    return trials(trial -> true);
  }

  /** Returns those of them that are not rejected. */
  public Map<String, String> onTrial() {
    return trials(trial -> trial.rejected() == null);
  }

  private Map<String, String> trials(Predicate<Trial> which) {
    Map<String, String> versions = new TreeMap<>();
    apps.forEach(
        (app, known) -> {
          if (known.trial() != null && which.test(known.trial())) {
            versions.put(app, known.trial().version());
          }
        });
    return versions;
  }

  /**
   * Returns this with more, or other, knowledge.
   *
   * @param declared the declared applications; what is known about others is forgotten
   */
  public Versions with(Map<String, Known> changes, Set<String> declared) {
    Map<String, Known> next = new HashMap<>(apps);
    next.putAll(changes);
    next.keySet().retainAll(declared);
    return new Versions(next);
  }
}
