package ai.seedcore.serve.daemon.decide;

/** Where we are, in a word. */
public enum Phase {
  /** There is no cluster to work on. */
  WAITING,
  /** Work is under way, ours or Serve's. */
  RECOVERING,
  /** All declared routes answer. */
  SERVING,
  /** Another daemon leads; we watch, ready to take over. */
  STANDBY,
  /** Nothing moves until a person does something; the reason says what. */
  BLOCKED
}
