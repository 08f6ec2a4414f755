package ai.seedcore.serve.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.api.Request;
import ai.seedcore.serve.api.Response;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostTest {

  /** A typical deployment of a user. */
  public static final class Greeter {
    private final String greeting;
    private final int times;
    private final Map<String, List<Double>> weights;
    private boolean healthy = true;

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
      return healthy;
    }

    public void reconfigure(Map<String, Boolean> config) {
      healthy = config.getOrDefault("healthy", true);
    }
  }

  /** A deployment with the required method only. */
  static final class Minimal {
    public Minimal() {}

    public Object call(Object body) {
      if (body.equals("x")) {
        throw new IllegalStateException("minimal " + body);
      }
      return body;
    }
  }

  @Test
  void convertsArgumentsToConstructorTypes() throws Throwable {
    Host host = host(Greeter.class, "[\"hi \", 2, {\"w\": [1, 2.5]}]", "");
    assertThat(host.call("you")).isEqualTo("hi hi you{w=[1.0, 2.5]}");
  }

  /** A deployment that wants more than a body. */
  public static final class Web {
    public Object call(String body) {
      return "not called: " + body;
    }

    public Response call(Request request) {
      return Response.of(
          201,
          "%s %s %s %s"
              .formatted(
                  request.method(),
                  request.path(),
                  request.header("X-A").orElse(""),
                  request.text()));
    }
  }

  @Test
  void passesRequestToClassThatWantsIt() throws Throwable {
    Host host = host(Web.class, "[]", "");
    assertThat(((Response) host.call("body")).body()).isEqualTo("POST /  body");
    assertThat(
            ((Response)
                    host.handle(
                        new Request("PUT", "/a?b=c", Map.of("x-a", List.of("1")), new byte[] {65})))
                .body())
        .isEqualTo("PUT /a 1 A");
  }

  /** A deployment that streams as many bytes as it is told, in parts of a size: "10 2". */
  public static final class Streamer {
    public Response call(String body) {
      String[] words = body.split(" ", 2);
      int bytes = Integer.parseInt(words[0]);
      int size = Integer.parseInt(words[1]);
      return Response.stream(
          "text/plain",
          out -> {
            for (int written = 0; written < bytes; written += size) {
              if (size == 1) {
                out.write('x');
              } else {
                out.write(new byte[size]);
              }
            }
          });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 1 << 20})
  void collectsAStreamForRayUpToALimit(int part) throws Throwable {
    Host host = host(Streamer.class, "[]", "");
    int limit = 64 << 20;
    Response collected = (Response) host.call(limit + " " + part);
    assertThat((byte[]) collected.body()).hasSize(limit);
    assertThatThrownBy(() -> host.call(limit + 1 + " " + part))
        .hasMessageContaining("a stream of more than 67108864 bytes");
  }

  @Test
  void readsTheHeadThatTheProxyPasses() {
    Request request =
        RequestHead.request(
            """
            {"method": "GET", "target": "/a?b=c", "body": false,
             "headers": [["accept", "a"], ["Accept", "b"]]}""",
            "c");
    assertThat(request).hasToString("GET /a (0 bytes)");
    assertThat(request.parameter("b")).hasValue("c");
    assertThat(request.headers().get("ACCEPT")).containsExactly("a", "b");
  }

  @Test
  void passesUserConfigToClass() throws Throwable {
    assertThat(host(Greeter.class, "[\"\", 0, {}]", "").checkHealth()).isTrue();
    String unhealthy = "{\"user_config\": {\"healthy\": false}}";
    assertThat(host(Greeter.class, "[\"\", 0, {}]", unhealthy).checkHealth()).isFalse();
    Host later = host(Greeter.class, "[\"\", 0, {}]", "");
    later.reconfigure(unhealthy);
    assertThat(later.checkHealth()).isFalse();
  }

  @Test
  void optionalMethodsMayBeMissing() throws Throwable {
    Host host = host(Minimal.class, "[]", "");
    assertThat(host.checkHealth()).isTrue();
    host.del();
    assertThatThrownBy(() -> host.call("x")).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> host.reconfigure("{\"user_config\": 1}")).isInstanceOf(Failure.class);
    assertThat(failure(host(Minimal.class, "[]", "{\"user_config\": 1}"))).contains("reconfigure");
  }

  @ParameterizedTest
  @ValueSource(strings = {"org.example.Hidden", "org.example.Hidden$Inheriting"})
  void classAndSuperclassMayBeNonPublic(String name) throws Throwable {
    Host host = new Host(name, "[]", "");
    assertThat(host.call("you")).isEqualTo("hidden you");
    assertThat(host.checkHealth()).isTrue();
  }

  @Test
  void reportsWhyClassCannotBeInstantiated() throws Throwable {
    assertThat(failure(new Host("org.example.None", "[]", "")))
        .contains("class org.example.None was not found in the declared jars");
    assertThat(failure(host(Greeter.class, "[1]", "")))
        .contains("no public constructor for the declared arguments [1]");
    assertThat(failure(host(Greeter.class, "[\"a\", \"b\", {}]", "")))
        .contains("no public constructor for the declared arguments");
    assertThat(failure(host(Greeter.class, "[\"\", -1, {}]", ""))).isEqualTo("times is negative");
    assertThat(failure(new Host("java.lang.Object", "[]", ""))).contains("nothing to serve");
  }

  /** Returns the failure that a request and a health check both report. */
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
