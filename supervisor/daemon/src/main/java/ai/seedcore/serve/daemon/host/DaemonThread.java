package ai.seedcore.serve.daemon.host;

/** Threads that do not keep the process alive. */
public final class DaemonThread {

  private DaemonThread() {}

  /** Starts a thread. */
  public static void start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
  }
}
