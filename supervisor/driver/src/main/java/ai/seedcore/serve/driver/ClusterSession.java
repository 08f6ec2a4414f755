package ai.seedcore.serve.driver;

import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.ray.api.Ray;
import org.jspecify.annotations.Nullable;

/** One driver's connection to one cluster session, from {@code connect} to the driver's end. */
final class ClusterSession {

  private @Nullable ServeApi serve;

  /**
   * Loads all that can be loaded before there is a cluster, so that {@code connect} has the least
   * to do once there is one.
   */
  void warm(String libraryFolder) {
    serve = ServeApi.load(libraryFolder);
  }

  Reply handle(Request request) throws ReflectiveOperationException {
    ServeApi api = serve;
    if (api == null) {
      throw new IllegalStateException("not warm");
    }
    if (request instanceof Request.Connect connect) {
      return connect(connect);
    } else if (request instanceof Request.EnsureServe ensure) {
      return ensureServe(api, ensure);
    } else if (request instanceof Request.Deploy deploy) {
      api.deploy(deploy.application(), deploy.completed());
      return new Reply.Done(deploy.id());
    } else if (request instanceof Request.Delete delete) {
      api.delete(delete.name());
      return new Reply.Done(delete.id());
    }
    throw new IllegalArgumentException("unknown request: " + request);
  }

  private static Reply connect(Request.Connect connect) {
    // Ray reads its configuration from system properties, once, in init.
    System.setProperty("ray.address", connect.address());
    System.setProperty("ray.node-ip", connect.nodeIp());
    System.setProperty("ray.job.namespace", "serve");
    // Any path: a job that has one may create actors across languages, and so may the Serve
    // controller that is started within it.
    System.setProperty("ray.job.code-search-path", "/tmp/ray");
    Ray.init();
    return new Reply.Done(connect.id());
  }

  private static Reply ensureServe(ServeApi api, Request.EnsureServe ensure) {
    ServeApi.Controller controller = api.ensureServe(ensure);
    return new Reply.Serve(
        ensure.id(),
        controller.started(),
        controller.hostsJava(),
        controller.visible(),
        controller.completed());
  }

  /** Ends the job in good order, where there is one. */
  void leave() {
    if (Ray.isInitialized()) {
      Ray.shutdown();
    }
  }
}
