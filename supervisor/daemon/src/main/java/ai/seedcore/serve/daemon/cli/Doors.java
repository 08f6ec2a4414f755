package ai.seedcore.serve.daemon.cli;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.Token;
import ai.seedcore.serve.daemon.config.DeclaredApplication;
import ai.seedcore.serve.daemon.config.DeclaredJava;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.host.Version;
import ai.seedcore.serve.daemon.openapi.OpenApi;
import ai.seedcore.serve.daemon.report.Status;
import ai.seedcore.serve.door.ControlState;
import ai.seedcore.serve.door.DoorSettings;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.FrontDoor;
import ai.seedcore.serve.door.Route;
import io.netty.util.internal.PlatformDependent;
import io.opentelemetry.api.trace.Tracer;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Creates the front door, and tells it what the control loop knows. */
final class Doors {

  /** What the status says of an application that does not exist, or no longer. */
  private static final Set<String> UNKNOWN = Set.of("MISSING", "UNKNOWN", "DELETING");

  /** Heap per connection, additionally with TLS, and for the front door itself; in bytes. */
  private static final long CONNECTION = 10L << 10;

  private static final long TLS_CONNECTION = 16L << 10;
  private static final long DOOR_HEAP = 40L << 20;

  /**
   * Memory outside the heap: unread data per connection, TLS handshakes, and the front door itself;
   * in bytes.
   */
  private static final long UNREAD = 4L << 10;

  private static final long HANDSHAKES = 32L << 20;
  private static final long DOOR_OUTSIDE = 16L << 20;

  private Doors() {}

  /**
   * Creates the front door; null if it is off.
   *
   * @param tracer creates the spans of requests; null: they are not traced
   * @throws ConfigException if this JVM has too little memory for it
   */
  static @Nullable FrontDoor create(Settings settings, @Nullable Tracer tracer) {
    DoorSettings wanted = settings.door();
    if (wanted == null) {
      return null;
    }
    checkMemory(settings.holdMb(), wanted);
    return new FrontDoor(
        wanted,
        () -> tokens(settings),
        routes(settings.deployments()),
        URI.create(settings.routesUrl()),
        settings.serveUrl() != null,
        Version.current(),
        tracer);
  }

  /** Returns what the door needs to know of the control loop. */
  static ControlState controlState(
      Status now, List<DeclaredApplication> declared, Set<String> scaledToZero) {
    return new ControlState(
        routes(declared),
        now.head().nodes(),
        now.apps().stream()
            .filter(app -> app.replicas() == 0 && !UNKNOWN.contains(app.status()))
            .map(Status.AppStatus::name)
            .filter(scaledToZero::contains)
            .collect(Collectors.toSet()),
        now.replacesServe(),
        now.phase(),
        now.reason(),
        now.lastRecoveryS());
  }

  private static List<Route> routes(List<DeclaredApplication> declared) {
    List<Route> routes = new ArrayList<>();
    for (DeclaredApplication each : declared) {
      if (each.route() != null) {
        Route route =
            Route.declared(each.route(), each.name(), each.idempotent())
                .withTimeout(each.requestTimeout())
                .withObjective(each.objectives().within());
        routes.add(
            each instanceof DeclaredJava java
                ? route.mirroring(java.upgrade().mostMirrored()).withMethods(OpenApi.methods(java))
                : route.streaming());
      }
    }
    return List.copyOf(routes);
  }

  /** Has the door describe the declared deployments. */
  static void describe(FrontDoor door, Settings settings, List<DeclaredApplication> declared) {
    boolean inBody = settings.statusCodes().equals("contract");
    door.describe(
        tokens ->
            new OpenApi(Version.current(), inBody, tokens.areRequired() ? tokens.field() : null)
                .document(declared));
  }

  private static DoorTokens tokens(Settings settings) {
    return new DoorTokens(
        Token.findAll("front_door", settings.frontDoorTokenFile(), System.getenv()),
        settings.frontDoorTokenHeader());
  }

  private static void checkMemory(int holdMb, DoorSettings door) {
    long heap = Runtime.getRuntime().maxMemory();
    long perConnection = door.certificate() == null ? CONNECTION : TLS_CONNECTION;
    long wanted =
        door.bytes() / 3 * 5
            + door.connections() * perConnection
            + 3L * door.bodyBytes()
            + DOOR_HEAP;
    long outside = PlatformDependent.maxDirectMemory();
    long handshakes = door.certificate() == null ? 0 : HANDSHAKES;
    long wantedOutside =
        door.bytes() / 3 * 5 + door.connections() * UNREAD + handshakes + DOOR_OUTSIDE;
    if (heap < wanted || outside < wantedOutside) {
      throw new ConfigException(
          ("hold_mb, front_door_connections: found %d and %d, which need -Xmx%dm and"
                  + " -XX:MaxDirectMemorySize=%dm, but this JVM has %d MiB of heap and %d MiB of"
                  + " direct memory; expected smaller values, or these two options raised in"
                  + " door.options, in addition to jvm.options (in the image and as a service:"
                  + " SEEDCORE_JVM_OPTIONS=@/opt/seedcore/door.options), or front_door: off")
              .formatted(
                  holdMb,
                  door.connections(),
                  mib(wanted + wanted / 20), // One survivor space does not count as heap.
                  mib(wantedOutside),
                  heap >> 20,
                  outside >> 20));
    }
  }

  private static long mib(long bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
  }
}
