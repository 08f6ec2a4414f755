package ai.seedcore.serve.daemon.cluster;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A row of docs/faults.md: a real fault on a real cluster, what is expected, and what was measured.
 * Its test takes a {@link Row}, through which it measures.
 */
@Test
@Tag("fault")
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(FaultTable.class)
@interface Fault {

  /** What happens. */
  String value();

  /** What is expected of the daemon. */
  String expected();
}
