package ai.seedcore.serve.door;

/**
 * A route: the requests whose path begins with a prefix.
 *
 * @param prefix the path prefix
 * @param app the application that serves it
 * @param declared whether the application is a declared Java deployment, which the daemon restores
 *     when it is lost. Other applications are known from the proxies' route tables only
 * @param idempotence which requests may be sent again although they may have been executed
 */
public record Route(String prefix, String app, boolean declared, Idempotence idempotence) {

  /** The route of a declared deployment. */
  public static Route declared(String prefix, String app, Idempotence idempotence) {
    return new Route(prefix, app, true, idempotence);
  }
}
