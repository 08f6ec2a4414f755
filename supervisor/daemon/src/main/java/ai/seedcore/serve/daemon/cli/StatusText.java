package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.DoorStatus;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Help.Ansi;

/** Formats a status document for people: first what is wrong and what to do, then the details. */
final class StatusText {

  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("MM-dd HH:mm:ss");

  private static final Map<String, String> COLORS =
      Map.of(
          "SERVING", "green",
          "RUNNING", "green",
          "BUSY", "green",
          "RECOVERING", "yellow",
          "WAITING", "yellow",
          "DEPLOYING", "yellow",
          "STANDBY", "cyan");

  private final Ansi ansi;
  private final Instant now;
  private final StringBuilder text = new StringBuilder();

  private StatusText(Ansi ansi, Instant now) {
    this.ansi = ansi;
    this.now = now;
  }

  /**
   * Returns the text, with a trailing newline.
   *
   * @param ansi whether to use colors
   * @param now the current time
   * @param events how many of the last events to print
   */
  static String of(Status status, Ansi ansi, Instant now, int events) {
    StatusText page = new StatusText(ansi, now);
    page.headline(status);
    page.parts(status);
    page.applications(status.apps());
    page.orphans(status.orphans());
    page.events(status.past().events(), events);
    return page.text.toString();
  }

  private void headline(Status status) {
    text.append(colored(status.phase()))
        .append(" for %s: %s%n".formatted(age(status.since()), status.reason()));
    line("next", status.nextStep());
    if (status.config().error() != null) {
      line("config", "invalid; the last valid one stays in effect: " + status.config().error());
    }
  }

  private void parts(Status status) {
    Status.HeadStatus head = status.head();
    line(
        "head",
        head.address()
            + (head.up()
                ? " up, Ray %s, %s".formatted(head.rayVersion(), head.session())
                : " down: " + head.reason()));
    line("serve", status.serve());
    line(
        "daemon",
        "%s, version %s, up %s, %d submissions%s"
            .formatted(
                status.role(),
                status.version(),
                age(status.past().started()),
                status.deploys(),
                status.lastRecoveryS() == null
                    ? ""
                    : String.format(
                        Locale.ROOT, ", last recovery %.1f s", status.lastRecoveryS())));
    line(
        "driver",
        status.driver().phase().toLowerCase(Locale.ROOT)
            + (status.driver().pid() == 0 ? "" : ", pid " + status.driver().pid())
            + (status.driver().busyWith() == null
                ? ""
                : ", working on " + status.driver().busyWith()));
    if (!status.node().kind().equals("NONE")) {
      line(
          "node",
          status.node().starting()
              ? "starting"
              : status.node().session() == null ? "not running" : "joined");
    }
    DoorStatus door = status.door();
    if (door != null) {
      line(
          "door",
          "%s, %d waiting, %d in flight, %d connections"
              .formatted(door.address(), door.waiting(), door.underWay(), door.connections()));
      line("direct", direct(door));
    }
    Status.UploadStatus upload = status.upload();
    if (upload != null) {
      line(
          "upload",
          "%s, %d of %d MiB".formatted(upload.name(), upload.sent() >> 20, upload.size() >> 20));
    }
    if (status.workNotBefore() != null) {
      line("backoff", "after failures, no work starts until " + time(status.workNotBefore()));
    }
  }

  private static String direct(DoorStatus door) {
    long ready = door.replicas().stream().filter(each -> each.state().equals("ready")).count();
    return ready == 0
        ? "no replicas: Serve's proxies serve all routes"
        : "%d of %d replicas".formatted(ready, door.replicas().size());
  }

  private void applications(List<Status.AppStatus> apps) {
    int width = Math.max(10, apps.stream().mapToInt(app -> app.name().length()).max().orElse(0));
    String row = "%s  %s %8s  %s%n";
    text.append("%n".formatted())
        .append(
            row.formatted(
                pad("DEPLOYMENT", "DEPLOYMENT", width),
                pad("STATE", "STATE", 13),
                "REPLICAS",
                "ROUTE"));
    for (Status.AppStatus app : apps) {
      String state = app.busy() ? "BUSY" : app.status();
      text.append(
          row.formatted(
              pad(app.name(), app.name(), width),
              pad(state, colored(state), 13),
              replicas(app),
              route(app)));
      if (!app.message().isBlank()) {
        text.append("    %s%n".formatted(app.message().strip().replaceAll("\\s+", " ")));
      }
      for (Status.ObjectiveStatus objective : app.objectives()) {
        text.append("    %s%n".formatted(objective(objective)));
      }
      if (app.trial() != null) {
        text.append("    %s%n".formatted(trial(app.trial())));
      }
      if (app.nextAttempt() != null && !app.answers()) {
        text.append(
            "    submitted %d times, next attempt at %s%n"
                .formatted(app.attempts(), time(app.nextAttempt())));
      }
    }
  }

  private static String objective(Status.ObjectiveStatus objective) {
    return String.format(
        Locale.ROOT,
        "%s %s %% %s: %.0f %% of the error budget left, %d of %d requests missed it",
        objective.name(),
        BigDecimal.valueOf(100 * objective.target()).round(new MathContext(6)).toPlainString(),
        objective.withinS() == null ? "in 30 days" : "within " + objective.withinS() + " s",
        100 * objective.budgetLeft(),
        objective.missed(),
        objective.requests());
  }

  private static String trial(Status.TrialStatus trial) {
    return trial.rejected() == null
        ? "version %s is on trial beside version %s%s"
            .formatted(
                trial.version(),
                trial.serves(),
                trial.progress().isEmpty() ? "" : ": " + trial.progress())
        : "version %s was rejected, and version %s serves on: it %s"
            .formatted(trial.version(), trial.serves(), trial.rejected());
  }

  private static String replicas(Status.AppStatus app) {
    return app.declaredReplicas() == null
        ? String.valueOf(app.replicas())
        : app.replicas() + "/" + app.declaredReplicas();
  }

  private static String route(Status.AppStatus app) {
    if (app.url() == null) {
      return "no route";
    }
    if (app.answers() && app.probeMs() == null) {
      return app.url() + " is listed by Serve's proxy";
    }
    if (app.answers()) {
      return "%s answers in %d ms".formatted(app.url(), app.probeMs());
    }
    return app.busy()
        ? "%s is at work on %d requests".formatted(app.url(), app.atWork())
        : app.url() + " " + (app.routeReason() == null ? "has not been probed" : app.routeReason());
  }

  private void orphans(List<Status.OrphanStatus> orphans) {
    if (orphans.isEmpty()) {
      return;
    }
    text.append("%nREPLICAS THAT SERVE NO LONGER LISTS%n".formatted());
    for (Status.OrphanStatus orphan : orphans) {
      text.append(
          String.format(
              Locale.ROOT,
              "%s  pid %d on %s, holds %s, not listed for %.0f s%n",
              orphan.name(),
              orphan.pid(),
              orphan.node(),
              orphan.resources(),
              orphan.seconds()));
    }
  }

  private void events(List<Status.Event> events, int most) {
    List<Status.Event> last = events.subList(Math.max(0, events.size() - most), events.size());
    if (last.isEmpty()) {
      return;
    }
    text.append("%nRECENT EVENTS%n".formatted());
    for (Status.Event event : last) {
      text.append(
          "%s  %s  %s%n"
              .formatted(
                  time(event.at()),
                  pad(event.phase(), colored(event.phase()), 10),
                  event.reason()));
    }
  }

  private void line(String name, String value) {
    text.append("%-8s %s%n".formatted(name, value));
  }

  /** Pads a word, with or without color codes, to a width. */
  private static String pad(String word, String shown, int width) {
    return shown + " ".repeat(Math.max(0, width - word.length()));
  }

  private String colored(String word) {
    return ansi.string("@|bold,%s %s|@".formatted(COLORS.getOrDefault(word, "red"), word));
  }

  private static String time(Instant at) {
    return TIME.format(at.atZone(ZoneId.systemDefault()));
  }

  private String age(Instant since) {
    Duration age = Duration.between(since, now);
    return age.toHours() > 0
        ? "%d h %d min".formatted(age.toHours(), age.toMinutesPart())
        : age.toMinutes() > 0
            ? "%d min %d s".formatted(age.toMinutes(), age.toSecondsPart())
            : "%d s".formatted(Math.max(0, age.toSeconds()));
  }
}
