package ai.seedcore.serve.daemon.decide;

import ai.seedcore.serve.daemon.observe.Serve;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Python application in the form in which the daemon submits it.
 *
 * <p>A change of its version makes Serve import it again and replace its replicas. Serve decides
 * how to apply everything else.
 *
 * @param route the route prefix; null if the application is not served over HTTP
 * @param version the hash of the code and its environment, also an environment variable of the
 *     application
 * @param config the application in the form of a Serve config file
 */
public record DesiredPython(String name, @Nullable String route, String version, ObjectNode config)
    implements DesiredApplication {

  @Override
  public @Nullable Integer replicas() {
    return null; // Each of its deployments has a number of its own.
  }

  @Override
  public String inPlace() {
    return config.toString();
  }

  /**
   * {@inheritDoc}
   *
   * <p>Serve shows what was submitted, with some values in another form. So what was submitted is
   * only compared as long as this daemon has not submitted it; submitting it again changes nothing.
   */
  @Override
  public Optional<String> difference(Serve.Application app, boolean submitted) {
    if (!version.equals(app.version())) {
      return Optional.of(anotherVersion(app));
    }
    return submitted || sameAs(config, app.submitted())
        ? Optional.empty()
        : Optional.of("has other options than declared");
  }

  private static boolean sameAs(JsonNode declared, JsonNode found) {
    if (declared.isNumber() && found.isNumber()) {
      return declared.doubleValue() == found.doubleValue();
    }
    if (declared.isObject() && found.isObject()) {
      return declared.size() == found.size()
          && declared.properties().stream()
              .allMatch(field -> sameAs(field.getValue(), found.path(field.getKey())));
    }
    if (declared.isArray() && found.isArray() && declared.size() == found.size()) {
      for (int i = 0; i < declared.size(); i++) {
        if (!sameAs(declared.get(i), found.get(i))) {
          return false;
        }
      }
      return true;
    }
    return declared.equals(found);
  }
}
