package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HostTest {

  /** A deployment as a user writes one. */
  public static final class Greeter {
    private final String greeting;
    private final int times;
    private final Map<String, List<Double>> weights;
    private boolean well = true;

    public Greeter(String greeting, int times, Map<String, List<Double>> weights) {
      this.greeting = greeting;
      this.times = times;
      this.weights = weights;
      if (times < 0) {
        throw new IllegalArgumentException("times is negative");
      }
    }

    public String call(String body) {
      return greeting.repeat(times) + body + weights;
    }

    public boolean checkHealth() {
      return well;
    }

    public void reconfigure(Map<String, Boolean> config) {
      well = config.getOrDefault("well", true);
    }
  }

  /** A deployment that has the least. */
  static final class Bare {
    public Bare() {}

    public Object call(Object body) {
      if (body.equals("x")) {
        throw new IllegalStateException("bare " + body);
      }
      return body;
    }
  }

  @Test
  void theDeclaredArgumentsGetTheTypesOfTheConstructor() throws Throwable {
    Host host = host(Greeter.class, "[\"hi \", 2, {\"w\": [1, 2.5]}]", "");
    assertThat(host.call("you")).isEqualTo("hi hi you{w=[1.0, 2.5]}");
  }

  @Test
  void theUserConfigReachesTheClass() throws Throwable {
    assertThat(host(Greeter.class, "[\"\", 0, {}]", "").checkHealth()).isTrue();
    assertThat(host(Greeter.class, "[\"\", 0, {}]", "{\"well\": false}").checkHealth()).isFalse();
  }

  @Test
  void whatAClassDoesNotHaveIsDoneWithout() throws Throwable {
    Host host = host(Bare.class, "[]", "");
    assertThat(host.checkHealth()).isTrue();
    host.del();
    assertThatThrownBy(() -> host.call("x")).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> host(Bare.class, "[]", "1")).hasMessageContaining("reconfigure");
  }

  @Test
  void whatIsWrongIsSaidInWords() {
    assertThatThrownBy(() -> new Host("org.example.None", "[]", ""))
        .hasMessageContaining("org.example.None is in none of the declared jars");
    assertThatThrownBy(() -> host(Greeter.class, "[1]", ""))
        .hasMessageContaining("no public constructor for the declared arguments [1]");
    assertThatThrownBy(() -> host(Greeter.class, "[\"a\", \"b\", {}]", ""))
        .hasMessageContaining("no public constructor for the declared arguments");
    assertThatThrownBy(() -> host(Greeter.class, "[\"\", -1, {}]", ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("times is negative");
    assertThatThrownBy(() -> new Host("java.lang.Object", "[]", ""))
        .hasMessageContaining("nothing to serve");
  }

  private static Host host(Class<?> type, String arguments, String userConfig)
      throws ReflectiveOperationException {
    return new Host(type.getName(), arguments, userConfig);
  }
}
