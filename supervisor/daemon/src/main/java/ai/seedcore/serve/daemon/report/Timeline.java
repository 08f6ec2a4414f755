package ai.seedcore.serve.daemon.report;

import ai.seedcore.serve.daemon.decide.DesiredApplication;
import ai.seedcore.serve.daemon.decide.DriverView;
import ai.seedcore.serve.daemon.decide.Situation;
import ai.seedcore.serve.daemon.observe.Head;
import ai.seedcore.serve.daemon.observe.Route;
import ai.seedcore.serve.daemon.observe.Serve;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Follows what the loop sees, and says which step of a recovery took which seconds: the head was
 * down, the driver connects, Serve starts, a package is uploaded, an application is submitted, its
 * replicas start, its route is probed.
 */
final class Timeline {

  /** A step that has not ended, or when it did. */
  private static final class Span {
    final Instant from;
    @Nullable Instant to;

    Span(Instant from) {
      this.from = from;
    }
  }

  /** By name, in the order in which they began. */
  private final Map<String, Span> spans = new LinkedHashMap<>();

  /** Records what was seen in a lap. */
  void lap(
      Situation situation,
      List<DesiredApplication> applications,
      Status.@Nullable UploadStatus sent) {
    Instant now = situation.now();
    boolean down = situation.seen().head() instanceof Head.Down;
    boolean connected = situation.driver().phase() == DriverView.Phase.CONNECTED;
    Serve serve = situation.seen().serve();
    boolean serves = serve instanceof Serve.Running || serve instanceof Serve.Opaque;
    during("the head is down", down, now);
    during("the driver connects", !down && !connected, now);
    during("Serve starts", !down && connected && !serves, now);
    during("a package is uploaded", sent != null, now);
    for (DesiredApplication application : applications) {
      String name = application.name();
      Serve.Application app = serve instanceof Serve.Running known ? known.apps().get(name) : null;
      Route route = situation.seen().routes().get(name);
      boolean answers = route != null && route.answers();
      // The dashboard, which knows the state, is asked only after what the daemon submitted.
      boolean submitted = app != null || situation.state().wasSubmitted(name);
      boolean running = app != null && app.running();
      during(name + " is submitted", serves && !submitted && !answers, now);
      during(name + ": replicas start", serves && submitted && !running && !answers, now);
      during(
          name + ": the route is probed", running && !answers && application.route() != null, now);
    }
  }

  /** Begins or ends a step. A step that comes again goes on, so that its name occurs once. */
  private void during(String name, boolean holds, Instant now) {
    Span span = spans.get(name);
    if (holds && span == null) {
      spans.put(name, new Span(now));
    } else if (holds && span != null) {
      span.to = null;
    } else if (span != null && span.to == null) {
      span.to = now;
    }
  }

  /** Forgets all steps, because there is no recovery. */
  void clear() {
    spans.clear();
  }

  /**
   * Returns the steps until now, and forgets them.
   *
   * @param zero the head's first sign of life, from which their seconds count
   */
  List<Status.Step> end(Instant zero, Instant now) {
    List<Status.Step> steps = new ArrayList<>();
    spans.forEach(
        (name, span) ->
            steps.add(
                new Status.Step(
                    name,
                    seconds(zero, span.from),
                    seconds(zero, span.to == null ? now : span.to))));
    clear();
    return steps;
  }

  private static double seconds(Instant from, Instant to) {
    return Duration.between(from, to).toMillis() / 1_000.0;
  }
}
