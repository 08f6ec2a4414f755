package ai.seedcore.serve.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;

/** A request from the daemon to the driver. The driver sends one reply with the same id. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "op")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Request.Ping.class, name = "ping"),
  @JsonSubTypes.Type(value = Request.Connect.class, name = "connect"),
  @JsonSubTypes.Type(value = Request.EnsureServe.class, name = "ensure_serve"),
  @JsonSubTypes.Type(value = Request.ReplaceServe.class, name = "replace_serve"),
  @JsonSubTypes.Type(value = Request.Deploy.class, name = "deploy"),
  @JsonSubTypes.Type(value = Request.DeployConfig.class, name = "deploy_config"),
  @JsonSubTypes.Type(value = Request.Delete.class, name = "delete"),
})
public sealed interface Request {

  /** Returns the id, which the daemon chooses and the reply repeats. */
  long id();

  /** Checks that the driver is alive. The driver answers at once, even during another request. */
  record Ping(long id) implements Request {}

  /**
   * Connects to the cluster as a driver, in the namespace {@code serve}. Sent at most once.
   *
   * @param address the address of the GCS, {@code host:port}
   * @param nodeIp the IP address by which the cluster knows the Ray node on this host
   */
  record Connect(long id, String address, String nodeIp) implements Request {}

  /**
   * Starts Serve unless it runs. The reply is {@link Reply.Serve}.
   *
   * @param host the IP address that the HTTP proxies listen on
   * @param port the port that the HTTP proxies listen on
   */
  record EnsureServe(long id, String host, int port) implements Request {}

  /**
   * Ends Serve with all its applications and starts another one. The reply is {@link Reply.Serve}.
   *
   * @param host the IP address that the HTTP proxies listen on
   * @param port the port that the HTTP proxies listen on
   * @param declared the names of the applications that the daemon will deploy; if there is an
   *     application that is neither declared nor restored, nothing is done
   * @param restored the applications to deploy in the other one, each in the form of a Serve config
   *     file, a JSON object. If this is interrupted, the next Serve that is started deploys them.
   */
  record ReplaceServe(long id, String host, int port, List<String> declared, List<String> restored)
      implements Request {}

  /**
   * Submits an application. The reply means that the controller has accepted the application, not
   * that it runs.
   *
   * @param completed the value in {@link Reply.Serve}
   */
  record Deploy(long id, Application application, boolean completed) implements Request {}

  /**
   * Submits a Python application. The reply means that the controller has accepted the application,
   * not that Python can import it.
   *
   * @param config the application in the form of a Serve config file, a JSON object
   */
  record DeployConfig(long id, String config) implements Request {}

  /** Deletes an application. The reply means that the controller has accepted the request. */
  record Delete(long id, String name) implements Request {}
}
