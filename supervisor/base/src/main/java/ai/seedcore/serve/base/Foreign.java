package ai.seedcore.serve.base;

/**
 * Cleans text from outside: from clusters, replicas, and daemons of other versions. The result is
 * safe to show in a log, on a terminal, or on the status page.
 */
public final class Foreign {

  /** The longest message. Nobody reads more of it. */
  private static final int MAX_MESSAGE = 600;

  private static final int MAX_NAME = 250;

  private Foreign() {}

  /**
   * Cleans a message. Invisible characters are replaced by their code, and long text is truncated.
   */
  public static String message(String text) {
    return plain(text, MAX_MESSAGE);
  }

  /** Cleans a name or an address. */
  public static String name(String text) {
    return plain(text, MAX_NAME);
  }

  private static String plain(String text, int maxChars) {
    StringBuilder plain = null;
    int end = Math.min(text.length(), maxChars);
    for (int i = 0; i < end; i++) {
      char each = text.charAt(i);
      boolean hidden = isHidden(text, i);
      if (hidden && plain == null) {
        plain = new StringBuilder(text.substring(0, i));
      }
      if (plain != null) {
        plain.append(hidden ? "\\u%04x".formatted((int) each) : String.valueOf(each));
      }
    }
    String shown = plain == null ? text.substring(0, end) : plain.toString();
    return text.length() <= maxChars ? shown : shown + "...";
  }

  /**
   * Returns whether a character is a line break, a terminal control, a change of the writing
   * direction, or half of a surrogate pair.
   */
  private static boolean isHidden(String text, int at) {
    char each = text.charAt(at);
    return switch (Character.getType(each)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.UNASSIGNED,
          Character.PRIVATE_USE ->
          true;
      case Character.SURROGATE -> {
        boolean paired =
            Character.isHighSurrogate(each)
                ? at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1))
                : at > 0 && Character.isHighSurrogate(text.charAt(at - 1));
        yield !paired;
      }
      default -> false;
    };
  }
}
