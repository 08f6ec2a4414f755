package ai.seedcore.serve.daemon.observe;

import ai.seedcore.serve.gcs.Gcs;
import org.jspecify.annotations.Nullable;

/** Serve's names of the actors that are replicas: a prefix, the application's name, and a '#'. */
public final class ReplicaName {

  private static final String NAMESPACE = "serve";
  private static final String PREFIX = "SERVE_REPLICA::";

  private ReplicaName() {}

  /** Returns the application that an actor is a replica of; null if it is not a replica. */
  public static @Nullable String app(Gcs.Actor actor) {
    int end = actor.name().indexOf('#');
    return actor.namespace().equals(NAMESPACE) && actor.name().startsWith(PREFIX) && end > 0
        ? actor.name().substring(PREFIX.length(), end)
        : null;
  }
}
