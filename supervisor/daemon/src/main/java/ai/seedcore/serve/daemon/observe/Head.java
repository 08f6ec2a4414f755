package ai.seedcore.serve.daemon.observe;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The cluster's head, as its GCS reports it. */
public sealed interface Head {

  /** The version while it is not known yet. */
  String VERSION_UNKNOWN = "unknown";

  /**
   * The head responds.
   *
   * @param identity the session
   * @param rayVersion the head's Ray version, or {@link #VERSION_UNKNOWN}
   * @param localNode the address under which the cluster knows a living Ray node of this machine;
   *     null if there is none or it is unknown
   * @param nodes the addresses of all living nodes; empty if unknown
   */
  record Up(Identity identity, String rayVersion, @Nullable String localNode, Set<String> nodes)
      implements Head {}

  /** The head does not serve: it is gone, hangs, has no GCS, or is not Ray at all. */
  record Down(String reason) implements Head {}
}
