package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.DoorSettings;
import ai.seedcore.serve.gcs.Credentials;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Prints what to call once everything is served. With a local head, the user is probably trying the
 * product out.
 */
final class Greeting {
  private final Settings settings;
  private final Credentials credentials;
  private boolean said;

  Greeting(Settings settings, Credentials credentials) {
    this.settings = settings;
    this.credentials = credentials;
    this.said = !settings.local() || !settings.logFormat().equals("text");
  }

  void publish(Status status) {
    if (said || !status.ready()) {
      return;
    }
    said = true;
    DoorSettings door = settings.door();
    String base =
        door == null
            ? settings.routesUrl()
            : (door.certificate() == null ? "http://" : "https://") + door.address();
    StringBuilder text = new StringBuilder("\nAll deployments answer. Try them:\n");
    for (DeclaredApplication deployment : settings.deployments()) {
      if (deployment.route() == null) {
        continue;
      }
      String body = deployment.probe() == null ? null : deployment.probe().bodyText();
      text.append("  curl ")
          .append(body == null ? "" : "-d '%s' ".formatted(body))
          .append(base)
          .append(deployment.route())
          .append('\n');
    }
    text.append("\n  dashboard  ").append(settings.dashboardUrl()).append("/#/serve\n");
    text.append("  status     http://").append(settings.status()).append("/status\n");
    List<String> variables = new ArrayList<>();
    if (settings.gcs().isLoopback()) {
      text.append("\nThe head listens on the loopback address only.");
      variables.add("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 RAY_ADDRESS=" + settings.gcs());
    }
    if (credentials.tokenRequired()) {
      text.append("\nThe head requires the token of ")
          .append(credentials.tokenSource())
          .append(", for which the dashboard asks.");
      Path file = credentials.tokenFile();
      variables.add(
          file == null
              ? "RAY_AUTH_MODE=token RAY_AUTH_TOKEN=\"$%s\"".formatted(credentials.tokenSource())
              : "RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH='%s'".formatted(file.toAbsolutePath()));
    }
    if (!variables.isEmpty()) {
      text.append("\nFor Ray's own tools, run\n  export ")
          .append(String.join(" ", variables))
          .append('\n');
    }
    text.append("\nCtrl-C stops the daemon and the Ray head that it started.\n");
    System.out.println(text);
  }
}
