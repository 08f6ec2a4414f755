package ai.seedcore.serve.door;

import ai.seedcore.serve.base.Token;
import io.vertx.core.http.HttpServerRequest;
import java.util.List;

/**
 * The tokens of which every client has to send one.
 *
 * @param valid the tokens; several while they are rotated, and none if clients need none
 * @param field the header field: {@code Authorization}, with the scheme Bearer, or another one,
 *     with the token alone
 */
public record DoorTokens(List<String> valid, String field) {

  /** The field of RFC 6750. */
  public static final String AUTHORIZATION = "Authorization";

  /** Clients need no token. */
  public static final DoorTokens NONE = new DoorTokens(List.of(), AUTHORIZATION);

  /** Returns whether clients need a token. */
  public boolean areRequired() {
    return !valid.isEmpty();
  }

  /** Returns whether a request may pass. The time does not depend on the tokens' content. */
  public boolean admit(HttpServerRequest request) {
    String sent = request.getHeader(field);
    if (sent != null && !field.equalsIgnoreCase(AUTHORIZATION)) {
      sent = Token.SCHEME + sent;
    }
    boolean admitted = valid.isEmpty();
    for (String token : valid) {
      admitted |= Token.isBorne(token, sent);
    }
    return admitted;
  }

  /** Returns what a client without a valid token is told. */
  public String expected() {
    boolean usual = field.equalsIgnoreCase(AUTHORIZATION);
    return "expected '%s: %sTOKEN'".formatted(field, usual ? Token.SCHEME : "");
  }
}
