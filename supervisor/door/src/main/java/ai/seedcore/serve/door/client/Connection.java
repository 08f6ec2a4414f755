package ai.seedcore.serve.door.client;

/**
 * What carries a request and its response: an HTTP/1 connection, one request after the other, or a
 * stream of an HTTP/2 connection.
 */
public interface Connection {

  /** What handles the current request. */
  interface Current {

    /** Returns whether a client that has closed its sending side still gets a response. */
    boolean awaitsResponse();

    /** Returns whether a part of the response has been sent. */
    boolean isResponding();
  }

  /** Returns the client at the other end, which may be a trusted proxy. */
  Client client();

  /**
   * Starts a request whose head has arrived.
   *
   * @param body the length of its body in bytes; Long.MAX_VALUE: unknown
   * @param isLast whether the connection ends after the response
   * @return the number of the request on this connection
   */
  long requestStarted(long body, boolean isLast, long now);

  /** Sets what handles the current request. */
  void setCurrent(Current next);

  /** Returns the memory that the current request's head takes, in bytes. */
  int headCost();

  /** Stops passing on the body. */
  void hold();

  /** Resumes passing on the body. */
  void resume();

  /** Ends a body whose length was not known in advance. */
  void bodyEnds();

  /** Returns whether the client has closed its sending side. */
  boolean clientHasEnded();

  /** Returns until when the client has to send and to read. */
  Deadlines deadlines();

  /** Handles the fact that the response is written in parts, of which few are kept at a time. */
  void responseStreams();

  /** Ends a request whose response has been written. */
  void responseWritten(long which, long now);

  /** Discards everything that arrives from now on. */
  void discardInput();

  /** Ends the connection after the current response. */
  void closeAfterResponse();

  /**
   * Passes on all bytes from now on, whatever they mean. They are no longer HTTP.
   *
   * @param ended runs when the connection has ended, which Vert.x no longer reports
   */
  void tunnel(Runnable ended);

  /** Ends the connection or the stream, although the response is incomplete. */
  void close();
}
