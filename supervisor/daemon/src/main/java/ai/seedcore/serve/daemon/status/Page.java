package ai.seedcore.serve.daemon.status;

import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The status page, a single file without dependencies. Its content security policy allows only the
 * file's own style and script, by their hashes.
 *
 * @param html the page
 * @param policy its content security policy
 */
record Page(String html, String policy) {

  static Page load() {
    try (InputStream stream = Page.class.getResourceAsStream("page.html")) {
      String html = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return new Page(
          html,
          "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
              + " frame-ancestors 'none'; style-src '%s'; script-src '%s'"
                  .formatted(hash(html, "style"), hash(html, "script")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String hash(String html, String tag) {
    Matcher text =
        Pattern.compile("<%1$s>(.*?)</%1$s>".formatted(tag), Pattern.DOTALL).matcher(html);
    if (!text.find()) {
      throw new IllegalStateException("the page has no " + tag);
    }
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(text.group(1).getBytes(StandardCharsets.UTF_8));
      return "sha256-" + Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  void answer(HttpServerRequest request) {
    request
        .response()
        .putHeader("Content-Security-Policy", policy)
        .putHeader("Referrer-Policy", "no-referrer");
    StatusServer.reply(request, 200, "text/html; charset=utf-8", html);
  }
}
