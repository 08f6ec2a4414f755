package ai.seedcore.serve.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResponseTest {

  @Test
  void collectsItsHeaders() {
    Response response =
        Response.of(201, "x").withHeader("Link", "a").withHeader("link", "b").withBody("y");
    assertThat(response.status()).isEqualTo(201);
    assertThat(response.headers()).containsExactly(Map.entry("Link", List.of("a", "b")));
    assertThat(response.body()).isEqualTo("y");
  }

  @ParameterizedTest
  @CsvSource({"0", "100", "101", "199", "600", "-1"})
  void rejectsOtherStatuses(int status) {
    assertThatThrownBy(() -> Response.of(status, null)).hasMessageContaining("status: found");
  }

  @ParameterizedTest
  @CsvSource({"204", "205", "304"})
  void someStatusesHaveNoBody(int status) {
    assertThatThrownBy(() -> Response.of(status, "x")).hasMessageContaining("expected none");
    assertThat(Response.of(status, null).body()).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "content-length,1",
    "Transfer-Encoding,chunked",
    "Connection,close",
    "X-SeedCore-Not-Executed,overloaded",
    "'a b',1",
    "a:b,1",
    "'',1",
    "n\u00e4me,1",
    "a,'b\r\nSet-Cookie: c'",
    "a,'b\u0000'",
    "a,\u20ac",
  })
  void rejectsHeadersThatWouldBreakTheMessage(String name, String value) {
    assertThatThrownBy(() -> Response.of("x").withHeader(name, value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("header");
  }
}
