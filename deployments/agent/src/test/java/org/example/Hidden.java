package org.example;

/** A non-public deployment in a package of its own. */
class Hidden {
  public Hidden() {}

  public String call(String body) {
    return "hidden " + body;
  }

  public boolean checkHealth() {
    return true;
  }

  /** A public subclass, for which the compiler generates bridge methods. */
  public static final class Inheriting extends Hidden {
    public Inheriting() {}
  }
}
