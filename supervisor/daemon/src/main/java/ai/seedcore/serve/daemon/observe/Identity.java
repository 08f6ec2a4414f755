package ai.seedcore.serve.daemon.observe;

import org.jspecify.annotations.Nullable;

/**
 * Identifies a session of the cluster. The session name changes with every start of the head,
 * unless the GCS keeps its state in Redis. The head's node id changes in both cases.
 *
 * @param session Ray's session name
 * @param headNode the head's node id; null if it is not known
 */
public record Identity(String session, @Nullable String headNode) {

  /** Returns whether both identify the same session, as far as both are known. */
  public boolean sameAs(Identity other) {
    return session.equals(other.session)
        && (headNode == null || other.headNode == null || headNode.equals(other.headNode));
  }
}
