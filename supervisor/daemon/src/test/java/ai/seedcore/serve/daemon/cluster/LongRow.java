package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A test that takes minutes: run with {@code ./seedcore test --all} only, and not again while the
 * jar is the one that it passed with, so that an interrupted run goes on where it was.
 */
@Test
@Tag("long")
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(LongRow.Passed.class)
@interface LongRow {

  /** Keeps one file a passed row, with the jar's hash in it. */
  final class Passed implements ExecutionCondition, AfterTestExecutionCallback {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      Path file = Rows.file(context, ".passed");
      try {
        if (Files.exists(file) && Files.readString(file).equals(Rows.jarHash())) {
          return ConditionEvaluationResult.disabled("passed already with this jar: " + file);
        }
      } catch (IOException e) {
        return ConditionEvaluationResult.enabled("cannot read " + file);
      }
      return ConditionEvaluationResult.enabled("not passed yet with this jar");
    }

    @Override
    public void afterTestExecution(ExtensionContext context) throws IOException {
      if (context.getExecutionException().isEmpty()) {
        Path file = Rows.file(context, ".passed");
        Files.createDirectories(file.getParent());
        Files.writeString(file, Rows.jarHash());
      }
    }
  }
}
