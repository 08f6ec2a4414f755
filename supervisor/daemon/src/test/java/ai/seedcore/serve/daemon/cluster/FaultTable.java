package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Locale;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs rows: hands each its {@link Row}, keeps what it measured in a file of its own, and where the
 * whole table is run, passes over what passed with this jar already, so that an interrupted run
 * goes on where it was.
 */
final class FaultTable
    implements ExecutionCondition,
        ParameterResolver,
        BeforeEachCallback,
        AfterTestExecutionCallback {

  private static final ExtensionContext.Namespace STORE =
      ExtensionContext.Namespace.create(FaultTable.class);

  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    if (context.getTestMethod().isEmpty() || !Boolean.getBoolean("seedcore.resume")) {
      return ConditionEvaluationResult.enabled("asked for");
    }
    try {
      Path file = Rows.file(context, ".json");
      boolean passed =
          Files.exists(file)
              && JsonMapper.shared()
                  .readTree(Files.readString(file))
                  .path("jar")
                  .asString("")
                  .equals(Rows.jarHash());
      return passed
          ? ConditionEvaluationResult.disabled("passed already with this jar: " + file)
          : ConditionEvaluationResult.enabled("not passed yet with this jar");
    } catch (IOException e) {
      return ConditionEvaluationResult.enabled("its file cannot be read");
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Row.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return row(context);
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    System.out.printf("ROW %s ...%n", title(context));
    context.getStore(STORE).put("start", System.nanoTime());
  }

  @Override
  public void afterTestExecution(ExtensionContext context) throws IOException {
    try (Row row = row(context)) {
      long start = context.getStore(STORE).get("start", Long.class);
      double seconds = (System.nanoTime() - start) / 1e9;
      Throwable failure = context.getExecutionException().orElse(null);
      if (failure instanceof TestAbortedException) {
        System.out.printf("ROW %s passed over: %s%n", title(context), failure.getMessage());
        return;
      } else if (failure != null) {
        System.out.printf(Locale.ROOT, "ROW %s FAILED after %.0f s%n", title(context), seconds);
        return;
      }
      Fault fault = context.getRequiredTestMethod().getAnnotation(Fault.class);
      ObjectNode json = JsonMapper.shared().createObjectNode();
      json.put("class", context.getRequiredTestClass().getSimpleName());
      json.put("row", context.getRequiredTestMethod().getName());
      json.put("order", order(context));
      json.put("fault", fault.value());
      json.put("expected", fault.expected());
      row.fill(json);
      json.put("date", LocalDate.now(ZoneOffset.UTC).toString());
      json.put("jar", Rows.jarHash());
      Path file = Rows.file(context, ".json");
      Files.createDirectories(file.getParent());
      Files.writeString(file, json.toPrettyString() + "\n");
      System.out.printf(
          Locale.ROOT, "ROW %s passed in %.0f s: %s%n", title(context), seconds, json);
      String page = System.getProperty("seedcore.page", "");
      if (!page.isEmpty()) {
        FaultPage.write(Path.of(page), file.getParent());
      }
    }
  }

  /** Where the row stands in its source, which is the order of the page. */
  private static int order(ExtensionContext context) throws IOException {
    String type = context.getRequiredTestClass().getName().replace('.', '/');
    String source = Files.readString(Path.of("src/test/java", type + ".java"));
    return source.indexOf("void " + context.getRequiredTestMethod().getName() + "(");
  }

  private static Row row(ExtensionContext context) {
    return context.getStore(STORE).getOrComputeIfAbsent("row", key -> new Row(), Row.class);
  }

  private static String title(ExtensionContext context) {
    return context.getRequiredTestClass().getSimpleName()
        + "#"
        + context.getRequiredTestMethod().getName();
  }
}
