package ai.seedcore.serve.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** One thing that the daemon asks of the driver. Each is answered once, with the same id. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "op")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Request.Ping.class, name = "ping"),
  @JsonSubTypes.Type(value = Request.Connect.class, name = "connect"),
  @JsonSubTypes.Type(value = Request.EnsureServe.class, name = "ensure_serve"),
  @JsonSubTypes.Type(value = Request.Deploy.class, name = "deploy"),
  @JsonSubTypes.Type(value = Request.Delete.class, name = "delete"),
})
public sealed interface Request {

  /** Chosen by the daemon, echoed in the reply. */
  long id();

  /** Asks for a sign of life; answered at once, whatever else the driver works on. */
  record Ping(long id) implements Request {}

  /**
   * Joins the cluster as a driver, in namespace {@code serve}. Once in a driver's life.
   *
   * @param address the GCS, {@code host:port}
   * @param nodeIp the address under which the cluster knows the Ray node that runs on this host
   */
  record Connect(long id, String address, String nodeIp) implements Request {}

  /**
   * Starts Serve where there is none, so that it can host Java replicas and is seen by the
   * dashboard; says whether a Serve that runs already can.
   *
   * @param host the address that the HTTP proxies listen on
   * @param port the port that the HTTP proxies listen on
   */
  record EnsureServe(long id, String host, int port) implements Request {}

  /**
   * Submits one application; returns when the controller has taken it, not when it runs.
   *
   * @param completed what {@link Reply.Serve} said of the Serve that runs
   */
  record Deploy(long id, Application application, boolean completed) implements Request {}

  /** Takes one application down; returns when the controller has taken the wish. */
  record Delete(long id, String name) implements Request {}
}
