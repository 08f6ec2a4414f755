package ai.seedcore.serve.bench.series;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Reads labelled series from CSV files with a header and three columns: time (Unix seconds, or a
 * UTC time such as {@code 2018-04-25 00:01:00}), value (empty if it is missing), and label (1 for
 * an anomaly).
 */
public final class SeriesFile {

  /** Labelled points at most this many points apart belong to one event. */
  public static final int EVENT_GAP = 3;

  private SeriesFile() {}

  /** Reads all CSV files of a folder, ordered by name. */
  public static List<LabelledSeries> folder(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".csv"))
          .sorted()
          .map(SeriesFile::read)
          .toList();
    }
  }

  private static LabelledSeries read(Path file) {
    CSVFormat format =
        CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).setTrim(true).get();
    try (CSVParser parser =
        CSVParser.parse(file, java.nio.charset.StandardCharsets.UTF_8, format)) {
      List<CSVRecord> records = parser.getRecords();
      double[] times = new double[records.size()];
      double[][] values = new double[times.length][1];
      boolean[] labels = new boolean[times.length];
      for (int i = 0; i < times.length; i++) {
        CSVRecord row = records.get(i);
        if (row.size() < 3) {
          throw new IllegalArgumentException(
              "%s, line %d: found %d columns, expected time, value, label"
                  .formatted(file, row.getRecordNumber() + 1, row.size()));
        }
        times[i] = time(row.get(0));
        values[i][0] = row.get(1).isEmpty() ? Double.NaN : Double.parseDouble(row.get(1));
        labels[i] = !row.get(2).isEmpty() && Double.parseDouble(row.get(2)) == 1;
      }
      String name = file.getFileName().toString().replaceFirst("\\.csv$", "");
      return new LabelledSeries(
          name,
          name.replaceFirst("[-_.]?\\d+$", "").toLowerCase(Locale.ROOT),
          times,
          values,
          LabelledSeries.runs(labels, EVENT_GAP));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double time(String text) {
    if (text.chars().allMatch(c -> c == '.' || c == '-' || Character.isDigit(c))
        && text.lastIndexOf('-') <= 0) {
      return Double.parseDouble(text);
    }
    return LocalDateTime.parse(text.replace(' ', 'T').replaceFirst("Z$", ""))
        .toEpochSecond(ZoneOffset.UTC);
  }
}
