package ai.seedcore.serve.base;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests that text from outside is shown without having any effect. */
class ForeignTest {

  @ParameterizedTest
  @ValueSource(
      strings = {"plain", "Umläute, 漢字, \uD83D\uDE00", "quotes \" and < and {}", "", "a'b\\c"})
  void keepsVisibleText(String text) {
    assertThat(Foreign.message(text)).isEqualTo(text);
  }

  @Test
  void escapesControlCharacters() {
    assertThat(Foreign.message("a\nb\u001b[2J\u0007\u0085\u2028c\u202edcba"))
        .isEqualTo("a\\u000ab\\u001b[2J\\u0007\\u0085\\u2028c\\u202edcba");
    assertThat(Foreign.message("half \uD83D, other \uDE00")).doesNotContain("\uD83D", "\uDE00");
  }

  @Test
  void truncatesLongText() {
    assertThat(Foreign.message("x".repeat(4_000_000))).hasSizeLessThan(700).endsWith("...");
    assertThat(Foreign.message("\n".repeat(4_000_000))).hasSizeLessThan(4_000);
    assertThat(Foreign.name("x".repeat(1_000))).hasSizeLessThan(300);
  }
}
