package ai.seedcore.serve.daemon.status;

import ai.seedcore.serve.daemon.report.Status;
import io.vertx.core.http.HttpServerRequest;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * The history as a list to filter and to download: {@code /history} is JSON, {@code /history.csv} a
 * table. The parameters {@code kind}, {@code contains}, {@code from} and {@code to} select entries.
 */
final class HistoryDownload {

  static final String JSON = "/history";
  static final String CSV = "/history.csv";

  private static final JsonMapper MAPPER =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  private static final List<String> KINDS = List.of("event", "outage", "recovery");

  private HistoryDownload() {}

  /**
   * One entry.
   *
   * @param kind {@code event}, {@code outage} or {@code recovery}
   * @param at when it happened, began, or ended
   * @param seconds how long it took; null for an event, and for an outage that lasts
   * @param text the reason, or the steps of a recovery
   */
  record Entry(
      String kind,
      Instant at,
      @Nullable Double seconds,
      @Nullable String phase,
      @Nullable String cause,
      String text,
      @Nullable String action) {

    private boolean contains(String part) {
      return Stream.of(kind, phase, cause, text, action)
          .filter(Objects::nonNull)
          .anyMatch(each -> each.toLowerCase(Locale.ROOT).contains(part));
    }
  }

  /** Responds with the selected entries, or says which parameter is invalid. */
  static void answer(HttpServerRequest request, Status.Past past) {
    Instant from;
    Instant to;
    String kind;
    String contains;
    try {
      kind = request.getParam("kind", "");
      contains = request.getParam("contains", "").toLowerCase(Locale.ROOT);
      from = time(request, "from", Instant.MIN);
      to = time(request, "to", Instant.MAX);
      if (!kind.isEmpty() && !KINDS.contains(kind)) {
        throw new IllegalArgumentException(
            "kind: found '%s', expected one of %s".formatted(kind, String.join(", ", KINDS)));
      }
    } catch (IllegalArgumentException e) {
      StatusServer.reply(request, 400, "text/plain; charset=utf-8", e.getMessage() + "\n");
      return;
    }
    List<Entry> entries =
        entries(past).stream()
            .filter(entry -> kind.isEmpty() || entry.kind().equals(kind))
            .filter(entry -> !entry.at().isBefore(from) && entry.at().isBefore(to))
            .filter(entry -> entry.contains(contains))
            .toList();
    boolean table = CSV.equals(request.path());
    request
        .response()
        .putHeader(
            "Content-Disposition",
            "attachment; filename=\"seedcore-history.%s\"".formatted(table ? "csv" : "json"));
    StatusServer.reply(
        request,
        200,
        table ? "text/csv; charset=utf-8" : "application/json",
        table ? csv(entries) : MAPPER.writeValueAsString(entries));
  }

  private static Instant time(HttpServerRequest request, String name, Instant absent) {
    String given = request.getParam(name);
    try {
      return given == null || given.isEmpty() ? absent : Instant.parse(given);
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "%s: found '%s', expected a time such as 2026-01-31T12:00:00Z".formatted(name, given), e);
    }
  }

  static List<Entry> entries(Status.Past past) {
    List<Entry> all = new ArrayList<>();
    past.events()
        .forEach(
            one ->
                all.add(
                    new Entry(
                        "event",
                        one.at(),
                        null,
                        one.phase(),
                        one.cause(),
                        one.reason(),
                        one.action())));
    past.outages()
        .forEach(
            one ->
                all.add(
                    new Entry(
                        "outage", one.from(), one.seconds(), null, null, one.reason(), null)));
    past.recoveries()
        .forEach(
            one ->
                all.add(
                    new Entry(
                        "recovery",
                        one.at(),
                        one.seconds(),
                        null,
                        null,
                        steps(one.steps()),
                        null)));
    all.sort(Comparator.comparing(Entry::at));
    return all;
  }

  private static String steps(List<Status.Step> steps) {
    return String.join(
        "; ",
        steps.stream()
            .map(
                step ->
                    String.format(
                        Locale.ROOT, "%s %.1f to %.1f s", step.name(), step.from(), step.to()))
            .toList());
  }

  private static String csv(List<Entry> entries) {
    StringBuilder text = new StringBuilder("kind,at,seconds,phase,cause,text,action\r\n");
    for (Entry entry : entries) {
      text.append(
              Stream.of(
                      entry.kind(),
                      entry.at(),
                      entry.seconds(),
                      entry.phase(),
                      entry.cause(),
                      entry.text(),
                      entry.action())
                  .map(HistoryDownload::cell)
                  .collect(Collectors.joining(",")))
          .append("\r\n");
    }
    return text.toString();
  }

  /** Returns a cell as of RFC 4180. A spreadsheet must not take a text for a formula. */
  private static String cell(@Nullable Object value) {
    String text = Objects.toString(value, "");
    boolean formula = !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0;
    return '"' + (formula ? "'" : "") + text.replace("\"", "\"\"") + '"';
  }
}
