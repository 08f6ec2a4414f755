package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    String unwell = "{\"user_config\": {\"well\": false}}";
    assertThat(host(Greeter.class, "[\"\", 0, {}]", unwell).checkHealth()).isFalse();
    Host later = host(Greeter.class, "[\"\", 0, {}]", "");
    later.reconfigure(unwell);
    assertThat(later.checkHealth()).isFalse();
  }

  @Test
  void whatAClassDoesNotHaveIsDoneWithout() throws Throwable {
    Host host = host(Bare.class, "[]", "");
    assertThat(host.checkHealth()).isTrue();
    host.del();
    assertThatThrownBy(() -> host.call("x")).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> host.reconfigure("{\"user_config\": 1}")).isInstanceOf(Failure.class);
    assertThat(failure(host(Bare.class, "[]", "{\"user_config\": 1}"))).contains("reconfigure");
  }

  @ParameterizedTest
  @ValueSource(strings = {"org.example.Hidden", "org.example.Hidden$Inheriting"})
  void neitherTheClassNorItsSuperclassNeedBePublic(String name) throws Throwable {
    Host host = new Host(name, "[]", "");
    assertThat(host.call("you")).isEqualTo("hidden you");
    assertThat(host.checkHealth()).isTrue();
  }

  @Test
  void aClassThatCannotBeMadeIsNotWellAndSaysWhy() throws Throwable {
    assertThat(failure(new Host("org.example.None", "[]", "")))
        .contains("org.example.None is in none of the declared jars");
    assertThat(failure(host(Greeter.class, "[1]", "")))
        .contains("no public constructor for the declared arguments [1]");
    assertThat(failure(host(Greeter.class, "[\"a\", \"b\", {}]", "")))
        .contains("no public constructor for the declared arguments");
    assertThat(failure(host(Greeter.class, "[\"\", -1, {}]", ""))).isEqualTo("times is negative");
    assertThat(failure(new Host("java.lang.Object", "[]", ""))).contains("nothing to serve");
  }

  /** Why a host has nothing to serve, as a request and a health check are told. */
  private static String failure(Host host) throws Throwable {
    Map<?, ?> reply = (Map<?, ?>) host.call("{}");
    assertThat(reply.get("status")).isEqualTo("error");
    assertThat(reply.get("code")).isEqualTo("not_ready");
    String failure = reply.get("error").toString().replaceFirst("^deployment: ", "");
    assertThatThrownBy(host::checkHealth).hasMessage(failure);
    host.del();
    return failure;
  }

  private static Host host(Class<?> type, String arguments, String userConfig) {
    return new Host(type.getName(), arguments, userConfig);
  }
}
