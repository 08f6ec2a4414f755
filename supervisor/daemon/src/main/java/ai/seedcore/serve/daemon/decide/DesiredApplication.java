package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Serve;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One application in the form in which the daemon submits it. */
public sealed interface DesiredApplication permits DesiredJava, DesiredPython {

  /** Returns the application's name. */
  String name();

  /** Returns the route prefix; null if the application is not served over HTTP. */
  @Nullable String route();

  /** Returns the content version; a change of it replaces the replicas. */
  String version();

  /** Returns the declared number of replicas; null if it varies or is not known here. */
  @Nullable Integer replicas();

  /** Returns everything that changes in place, as text. */
  String inPlace();

  /**
   * Returns how the deployed application differs from this one; empty if it does not.
   *
   * @param app the deployed application
   * @param submitted whether this application was submitted to this Serve in its present form
   */
  Optional<String> difference(Serve.Application app, boolean submitted);

  /** Returns the difference of a deployed application that has another version. */
  default String anotherVersion(Serve.Application app) {
    return "%s, but version %s is declared"
        .formatted(
            app.version() == null
                ? "was deployed by another client"
                : "has version " + app.version(),
            version());
  }
}
