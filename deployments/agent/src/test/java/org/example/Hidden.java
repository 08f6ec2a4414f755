package org.example;

/** A deployment as a user writes one: of another package than the agent, and not public. */
class Hidden {
  public Hidden() {}

  public String call(String body) {
    return "hidden " + body;
  }

  public boolean checkHealth() {
    return true;
  }

  /** A public one; what it inherits, the compiler gives it as bridges. */
  public static final class Inheriting extends Hidden {
    public Inheriting() {}
  }
}
