package ai.seedcore.serve.daemon.observe;

import org.jspecify.annotations.Nullable;

/**
 * Which life of the cluster this is. The session's name changes with every start of the head, but
 * not where the GCS is backed by Redis; the head's node id changes in both cases.
 *
 * @param session Ray's session name
 * @param headNode the head's node id; null where it was not asked or not known yet
 */
public record Identity(String session, @Nullable String headNode) {

  /** Whether both are of one life, as far as both say. */
  public boolean sameAs(Identity other) {
    return session.equals(other.session)
        && (headNode == null || other.headNode == null || headNode.equals(other.headNode));
  }
}
