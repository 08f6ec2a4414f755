package ai.seedcore.serve.driver;

import ai.seedcore.serve.protocol.Reply;
import ai.seedcore.serve.protocol.Request;
import io.ray.api.Ray;
import org.jspecify.annotations.Nullable;

/** The connection of a driver to a Ray cluster. A driver connects at most once. */
final class ClusterSession {

  private @Nullable ServeApi serve;

  /**
   * Loads everything that does not need a cluster, so that {@code connect} is fast.
   *
   * @param libraryFolder the directory for Ray's native library
   */
  void warm(String libraryFolder) {
    serve = ServeApi.load(libraryFolder);
  }

  /**
   * Executes a request.
   *
   * @throws IllegalStateException if {@link #warm} was not called
   */
  Reply handle(Request request) throws ReflectiveOperationException {
    ServeApi api = serve;
    if (api == null) {
      throw new IllegalStateException("warm() was not called");
    }
    if (request instanceof Request.Connect connect) {
      return connect(connect);
    } else if (request instanceof Request.EnsureServe ensure) {
      return reply(ensure.id(), api.ensureServe(ensure.host(), ensure.port()));
    } else if (request instanceof Request.ReplaceServe replace) {
      return reply(replace.id(), api.replaceServe(replace));
    } else if (request instanceof Request.Deploy deploy) {
      api.deploy(deploy.application(), deploy.completed());
      return new Reply.Done(deploy.id());
    } else if (request instanceof Request.DeployConfig deploy) {
      api.deployConfig(deploy.config());
      return new Reply.Done(deploy.id());
    } else if (request instanceof Request.Delete delete) {
      api.delete(delete.name());
      return new Reply.Done(delete.id());
    }
    throw new IllegalArgumentException("unknown request: " + request);
  }

  private static Reply connect(Request.Connect connect) {
    // Ray.init reads its configuration from system properties.
    System.setProperty("ray.address", connect.address());
    System.setProperty("ray.node-ip", connect.nodeIp());
    System.setProperty("ray.job.namespace", "serve");
    // Any path will do: only a job with a code search path may create actors in another language,
    // and so may a Serve controller that this job starts. One that exists would be on the class
    // path of every replica, with each jar below it.
    System.setProperty("ray.job.code-search-path", "/nonexistent");
    Ray.init();
    return new Reply.Done(connect.id());
  }

  private static Reply reply(long id, ServeApi.Controller controller) {
    return new Reply.Serve(
        id,
        controller.started(),
        controller.hostsJava(),
        controller.visible(),
        controller.completed(),
        controller.port());
  }

  /** Ends the Ray job if there is one. */
  void leave() {
    if (Ray.isInitialized()) {
      Ray.shutdown();
    }
  }
}
