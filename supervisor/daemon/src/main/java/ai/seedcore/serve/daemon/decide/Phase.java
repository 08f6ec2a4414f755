package ai.seedcore.serve.daemon.decide;

/** The overall state of the daemon. */
public enum Phase {
  /** There is no cluster to work on. */
  WAITING,
  /** Work is in progress, by the daemon or by Serve. */
  RECOVERING,
  /** All declared routes respond. */
  SERVING,
  /** Another daemon is the leader. This one watches and can take over. */
  STANDBY,
  /** Nothing changes until a person acts. The reason says what to do. */
  BLOCKED
}
