package ai.seedcore.serve.daemon.host;

/** The version of this program. */
public final class Version {

  private Version() {}

  /** Returns the version from the jar's manifest, or "development" outside a jar. */
  public static String current() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
