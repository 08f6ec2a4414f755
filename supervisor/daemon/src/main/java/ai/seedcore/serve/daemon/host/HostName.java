package ai.seedcore.serve.daemon.host;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** The name of this machine, for people. */
public final class HostName {

  private HostName() {}

  /** Returns the name; "unknown" if the machine has none that resolves. */
  public static String current() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
