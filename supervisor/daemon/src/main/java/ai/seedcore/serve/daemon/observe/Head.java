package ai.seedcore.serve.daemon.observe;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The cluster's head, as its GCS shows it. */
public sealed interface Head {

  /** The version, where it is not told yet. */
  String VERSION_UNKNOWN = "unknown";

  /**
   * It answers.
   *
   * @param rayVersion Ray's version there
   * @param nodes the addresses of all living nodes; empty where they were not asked
   * @param localNode the address under which the cluster knows a living Ray node of this machine;
   *     null where there is none, or it was not asked
   */
  record Up(Identity identity, String rayVersion, @Nullable String localNode, Set<String> nodes)
      implements Head {}

  /** It does not serve, and why: gone, hung, without its GCS, or no Ray at all. */
  record Down(String reason) implements Head {}
}
