package ai.seedcore.serve.daemon.decide;

/** The cause of a decision, for metrics and alerts. */
public enum Cause {
  /** The head does not respond, or not like a Ray head. */
  HEAD_DOWN,
  /** The head responds, but its own node has not registered yet. */
  HEAD_STARTING,
  /** No Ray node of this machine belongs to the cluster. */
  NODE_MISSING,
  /** The driver belongs to an earlier session. */
  DRIVER_STALE,
  /** Another daemon is the leader. */
  OTHER_LEADS,
  /** It is not known yet which daemon is the leader. */
  LEAD_UNKNOWN,
  /** The cluster's Ray version differs from this machine's, or is not known yet. */
  VERSION,
  /** Serve does not run. */
  SERVE_ABSENT,
  /** It is unknown whether Serve runs, or which applications it runs. */
  SERVE_UNKNOWN,
  /** Serve runs but cannot be used. */
  SERVE_UNUSABLE,
  /** An application is missing or differs from the declared one. */
  APP_DIFFERS,
  /** An application failed to deploy. */
  APP_FAILED,
  /** An application is being deployed, or its route does not respond as declared yet. */
  APP_PENDING,
  /** An application is no longer declared. */
  APP_DROPPED,
  /** A replica is alive that Serve no longer lists. */
  REPLICA_ORPHANED,
  /** All declared routes respond, and a new version is on trial, or takes over. */
  VERSION_ON_TRIAL,
  /** All declared routes respond, but a declared version was rejected: the previous one serves. */
  VERSION_REJECTED,
  /** All declared routes respond. */
  ALL_WELL
}
