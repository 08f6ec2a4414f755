package ai.seedcore.serve.daemon;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The direction of dependencies, which docs/architecture.md describes. */
class ArchitectureTest {

  private static final String DAEMON = "ai.seedcore.serve.daemon.";

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("ai.seedcore.serve");
  }

  private static String[] packages(String... names) {
    String[] all = new String[names.length];
    for (int i = 0; i < names.length; i++) {
      all[i] = DAEMON + names[i] + "..";
    }
    return all;
  }

  private static void mustNotDependOn(String name, String... others) {
    noClasses()
        .that()
        .resideInAPackage(DAEMON + name + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(packages(others))
        .check(classes);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching(DAEMON + "(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void onlyTheLoopActs() {
    noClasses()
        .that()
        .resideOutsideOfPackages(packages("act", "loop"))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(packages("act"))
        .check(classes);
  }

  @Test
  void onlyCommandsUseTheLoop() {
    noClasses()
        .that()
        .resideOutsideOfPackages(packages("loop", "cli"))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(packages("loop"))
        .check(classes);
  }

  @Test
  void observingDoesNotAct() {
    mustNotDependOn("observe", "act", "cli", "loop", "decide", "driver", "lead", "node", "pack");
  }

  @Test
  void decidingIsPure() {
    mustNotDependOn(
        "decide", "act", "cli", "loop", "driver", "host", "lead", "node", "pack", "report");
    noClasses()
        .that()
        .resideInAPackage(DAEMON + "decide..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "ai.seedcore.serve.base.http..",
            "java.net..",
            "java.nio..",
            "io.netty..",
            "io.vertx..",
            "org.slf4j..")
        .check(classes);
  }

  @Test
  void theFrontDoorKnowsNothingOfTheDaemon() {
    noClasses()
        .that()
        .resideInAnyPackage("ai.seedcore.serve.door..", "ai.seedcore.serve.base..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("ai.seedcore.serve.daemon..")
        .check(classes);
  }

  @Test
  void theFrontDoorsPartsDependInOneDirection() {
    Map<String, String[]> forbidden =
        Map.of(
            "client", new String[] {"queue", "request", "upstream"},
            "queue", new String[] {"request", "upstream"},
            "upstream", new String[] {"queue", "request"});
    forbidden.forEach(
        (part, others) ->
            noClasses()
                .that()
                .resideInAPackage("ai.seedcore.serve.door." + part)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                    Stream.of(others)
                        .map(other -> "ai.seedcore.serve.door." + other)
                        .toArray(String[]::new))
                .check(classes));
  }

  @Test
  void onlyTheCompositionRootOpensTheFrontDoor() {
    noClasses()
        .that()
        .resideInAPackage("ai.seedcore.serve.daemon..")
        .and()
        .resideOutsideOfPackage(DAEMON + "cli..")
        .should()
        .dependOnClassesThat()
        .haveSimpleName("FrontDoor")
        .check(classes);
  }

  @Test
  void theHostAndTheConfigurationStandAlone() {
    mustNotDependOn(
        "host", "act", "cli", "config", "decide", "driver", "lead", "loop", "metrics", "node",
        "notify", "observe", "pack", "report", "status");
    mustNotDependOn(
        "config", "act", "cli", "decide", "driver", "host", "lead", "loop", "metrics", "node",
        "notify", "observe", "pack", "report", "status");
  }

  @Test
  void noClassOfRaysIsInTheDaemon() {
    noClasses()
        .that()
        .resideInAPackage("ai.seedcore.serve.daemon..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.ray..")
        .check(classes);
  }
}
