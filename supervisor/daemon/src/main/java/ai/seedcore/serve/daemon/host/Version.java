package ai.seedcore.serve.daemon.host;

/** This program's version. */
public final class Version {

  private Version() {}

  /** As the jar's manifest says; "development" where it is not run from one. */
  public static String current() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
