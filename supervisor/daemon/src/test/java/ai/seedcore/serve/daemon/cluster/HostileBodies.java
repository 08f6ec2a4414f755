package ai.seedcore.serve.daemon.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Bodies that nobody means well with; each comes from its seed alone. */
final class HostileBodies {

  private static final List<String> SOUND =
      List.of(
          "{\"features\":[{\"task_risk\":0.9,\"failure_severity\":0.8}],\"top_k\":1,\"explain\":true}",
          "{\"text\":\"look at this\",\"context\":{\"priority\":7}}",
          "{\"data\":[1,2,1,2,1,2,1,2,50,1,2],\"sensitivity\":0.7}",
          "{\"data\":[{\"timestamp\":1,\"cpu_usage\":0.2},{\"timestamp\":2,\"cpu_usage\":0.99}]}",
          "{\"cpu_avg\":0.8,\"memory_avg\":0.5,\"response_time\":1,\"current_replicas\":3}",
          "{\"history\":[{\"timestamp\":1,\"cpu_avg\":0.5},{\"timestamp\":2,\"cpu_avg\":0.6}],"
              + "\"horizon_s\":60}");

  private static final List<String> NAMES =
      List.of(
          "features",
          "top_k",
          "explain",
          "text",
          "context",
          "priority",
          "data",
          "sensitivity",
          "timestamp",
          "cpu_avg",
          "memory_avg",
          "response_time",
          "history",
          "horizon_s",
          "current_replicas",
          "min_replicas",
          "max_replicas",
          "task_risk",
          "error_rate",
          "",
          "\\ud800",
          "__proto__",
          "a\\u0000b",
          "\\\"",
          "🦎");

  private static final List<String> VALUES =
      List.of(
          "0",
          "-0",
          "1",
          "0.5",
          "-1",
          "1e308",
          "-1e308",
          "1e-320",
          "1e999",
          "-1e999",
          "NaN",
          "Infinity",
          "-Infinity",
          "null",
          "true",
          "false",
          "\"\"",
          "\"0.5\"",
          "\"\\ud800\"",
          "\"\\udfff\\ud800\"",
          "\"🦎\"",
          "\"\\u0000\"",
          "\"2026-01-31T12:00:00Z\"",
          "\"+999999999-12-31T23:59:59.999999999-18:00\"",
          "[]",
          "{}",
          "[[]]",
          "[{}]",
          "0x10",
          "01",
          "1.",
          ".5",
          "+1",
          "1e",
          "9007199254740993",
          "99999999999999999999999999",
          "4.9e-324",
          "1.7976931348623157e308",
          "\"\n\"",
          "undefined",
          "'a'",
          "/**/1");

  private final Random random;

  HostileBodies(long seed) {
    random = new Random(seed);
  }

  /** One body. */
  String next() {
    return switch (random.nextInt(10)) {
      case 0 -> mutated();
      case 1 -> cut();
      case 2 -> nested(random.nextInt(random.nextInt(10) == 0 ? 20_000 : 60));
      case 3 -> "\"".repeat(random.nextInt(2)) + noise(random.nextInt(200));
      case 4 -> repeatedKey();
      case 5 -> hugeNumber();
      case 6 -> extremeSeries();
      default -> value(0);
    };
  }

  /** A body of many bytes, up to twice what is allowed. */
  String large() {
    int bytes = (1 << 20) + random.nextInt(15 << 20);
    List<String> units =
        List.of(
            "[",
            "{\"a\":",
            "1,",
            "{},",
            "[],",
            "\"a\",",
            "1.5e300,",
            "{\"task_risk\":0.5},",
            " ",
            "\\ud800",
            "é");
    String unit = units.get(random.nextInt(units.size()));
    String begin =
        List.of("", "{\"features\":[", "{\"data\":[", "{\"text\":\"").get(random.nextInt(4));
    return begin + unit.repeat(bytes / unit.length() / (unit.equals("é") ? 2 : 1));
  }

  private String pick(List<String> from) {
    return from.get(random.nextInt(from.size()));
  }

  private String value(int depth) {
    int kind = random.nextInt(depth > 5 ? 1 : 3);
    if (kind == 0) {
      return pick(VALUES);
    }
    List<String> parts = new ArrayList<>();
    for (int i = random.nextInt(5); i >= 0; i--) {
      parts.add((kind == 1 ? "\"" + pick(NAMES) + "\":" : "") + value(depth + 1));
    }
    String inner = String.join(",", parts);
    return kind == 1 ? "{" + inner + "}" : "[" + inner + "]";
  }

  /** A sound body of which a few characters are others. */
  private String mutated() {
    StringBuilder body = new StringBuilder(pick(SOUND));
    for (int i = random.nextInt(4); i >= 0; i--) {
      int at = random.nextInt(body.length());
      switch (random.nextInt(3)) {
        case 0 -> body.setCharAt(at, (char) (32 + random.nextInt(95)));
        case 1 -> body.deleteCharAt(at);
        default -> body.insert(at, pick(VALUES));
      }
    }
    return body.toString();
  }

  private String cut() {
    String body = pick(SOUND);
    return body.substring(random.nextInt(body.length()));
  }

  private String nested(int depth) {
    String open = random.nextBoolean() ? "[" : "{\"" + pick(NAMES) + "\":";
    return open.repeat(depth) + (random.nextBoolean() ? "]".repeat(depth) : "");
  }

  private String noise(int length) {
    StringBuilder noise = new StringBuilder();
    for (int i = 0; i < length; i++) {
      int c = random.nextInt(4) == 0 ? random.nextInt(0xD800) : random.nextInt(128);
      noise.append((char) c);
    }
    return noise.toString();
  }

  private String repeatedKey() {
    String name = pick(NAMES);
    return "{\"%s\":%s,\"%s\":%s}".formatted(name, pick(VALUES), name, pick(VALUES));
  }

  private String hugeNumber() {
    String digits = "9".repeat(1 + random.nextInt(3_000));
    String number =
        switch (random.nextInt(4)) {
          case 0 -> digits;
          case 1 -> "-0." + digits;
          case 2 -> "1e" + digits;
          default -> digits + "e-" + random.nextInt(4_000);
        };
    return "{\"data\":[%s],\"x\":1}"
        .formatted(number)
        .replace(",\"x\":1", random.nextBoolean() ? "" : ",\"x\":1");
  }

  /** Sound JSON whose numbers are at the edges of what a number is. */
  private String extremeSeries() {
    List<String> edges =
        List.of("0", "-0.0", "1e308", "-1e308", "4.9e-324", "1.7976931348623157e308", "1e100", "5");
    boolean history = random.nextInt(3) == 0;
    List<String> points = new ArrayList<>();
    for (int i = random.nextInt(300); i >= 0; i--) {
      points.add(
          history
              ? "{\"timestamp\":%d,\"response_time\":%s}"
                  .formatted(points.size(), pick(edges).replace("-", ""))
              : random.nextInt(3) == 0 ? Double.toString(random.nextGaussian()) : pick(edges));
    }
    return "{\"%s\":[%s]}".formatted(history ? "history" : "data", String.join(",", points));
  }
}
