package ai.seedcore.serve.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestTest {

  private static Request request(String target) {
    return new Request(
        "PUT",
        target,
        Map.of("X-Color", List.of("red", "blue")),
        "h\u00e9".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void namesOfHeadersIgnoreCase() {
    assertThat(request("/a").header("x-cOLOR")).hasValue("red");
    assertThat(request("/a").headers().get("X-COLOR")).containsExactly("red", "blue");
    assertThat(request("/a").header("other")).isEmpty();
    assertThat(request("/a").text()).isEqualTo("h\u00e9");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/a|/a|''|",
        "/a?|/a|''|",
        "/a/b%20c?n=1|/a/b%20c|n=1|1",
        "/a?m=2&n=x%20y+z|/a|m=2&n=x%20y+z|x y z",
        "/a?n|/a|n|''",
        "/a?n=1&n=2|/a|n=1&n=2|1",
        "/a?n=100%|/a|n=100%|100%",
        "/a?b=n=1|/a|b=n=1|",
        "/a?%6e=1?2|/a|%6e=1?2|1?2",
      })
  void splitsItsTarget(String target, String path, String query, String parameter) {
    assertThat(request(target).path()).isEqualTo(path);
    assertThat(request(target).query()).isEqualTo(query);
    assertThat(request(target).parameter("n").orElse(null)).isEqualTo(parameter);
  }
}
