package ai.seedcore.serve.daemon.decide;

/** Why something is decided, in one of few words: what metrics and alerts can count. */
public enum Cause {
  /** The head does not answer as one of Ray's. */
  HEAD_DOWN,
  /** The head answers, and its own node has not come yet. */
  HEAD_STARTING,
  /** No Ray node of this machine belongs to the cluster. */
  NODE_MISSING,
  /** The driver belongs to an earlier life of the cluster. */
  DRIVER_STALE,
  /** Another daemon leads. */
  OTHER_LEADS,
  /** The cluster is being asked which daemon leads. */
  LEAD_UNKNOWN,
  /** The cluster's Ray is of another version than this machine's, or has not told it yet. */
  VERSION,
  /** Serve does not run. */
  SERVE_ABSENT,
  /** Nobody can say whether Serve runs, or what. */
  SERVE_UNKNOWN,
  /** The Serve that runs cannot be used. */
  SERVE_UNUSABLE,
  /** An application is missing, or is another than the declared one. */
  APP_DIFFERS,
  /** An application failed to deploy. */
  APP_FAILED,
  /** An application, or its route, is on its way. */
  APP_PENDING,
  /** An application is no longer declared. */
  APP_DROPPED,
  /** A replica lives that Serve has forgotten. */
  REPLICA_ORPHANED,
  /** All declared routes answer. */
  ALL_WELL
}
