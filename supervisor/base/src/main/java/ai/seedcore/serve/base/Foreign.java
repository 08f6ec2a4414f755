package ai.seedcore.serve.base;

/**
 * What others say: clusters, replicas, daemons of another version. It enters through here, and is
 * harmless from then on wherever it is shown: in a log, on a terminal, on the page.
 */
public final class Foreign {

  /** What one message may have; more of it nobody reads. */
  private static final int LONGEST = 600;

  private static final int LONGEST_NAME = 250;

  private Foreign() {}

  /** A message: what is not to be seen is shown by its number, and what is too long is cut. */
  public static String message(String text) {
    return plain(text, LONGEST);
  }

  /** A name, or an address. */
  public static String name(String text) {
    return plain(text, LONGEST_NAME);
  }

  private static String plain(String text, int longest) {
    StringBuilder plain = null;
    int end = Math.min(text.length(), longest);
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
    return text.length() <= longest ? shown : shown + "...";
  }

  /** Ends of lines, commands to a terminal, changes of the writing direction, half a character. */
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
