package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The description of the API holds, as tools that others wrote try it, and its page works. */
@Tag("cluster")
class OpenApiIT {

  private static final Path FOLDER = Machine.temporaryFolder();
  private static final Path DOCS =
      Path.of("..", "..", "docs", "openapi").toAbsolutePath().normalize();
  private static final Path PICTURES = Path.of("target", "pages");
  private static final String DOOR = "http://127.0.0.1:28001";
  private static final String TOKEN = "a-token-for-the-door";

  private static final String SQUARES =
      """
      package org.example;

      import ai.seedcore.serve.api.Response;
      import java.math.BigDecimal;

      public class Squares {
        public Object call(String body) {
          try {
            int number = new BigDecimal(body.strip()).intValueExact();
            if (number >= 0 && number <= 1000) {
              return number * number;
            }
          } catch (ArithmeticException | NumberFormatException e) {
            // The same answer.
          }
          return Response.of(422, "expected an integer from 0 to 1000");
        }
      }
      """;

  private static final String CONFIG =
      """
      front_door_token_file: %s
      deployments:
        - name: Squares
          class: org.example.Squares
          jars: [squares.jar]
          cpus: 0.1
          probe: {body: 3}
          upgrade: {examples: [12]}
          schema:
            request: {$ref: "#/$defs/number", $defs: {number: {type: integer, minimum: 0, maximum: 1000}}}
            response: {type: integer, description: The square of the number.}
        - name: AnomalyDetector
          init_args: [{limits: {points: 77}, thresholds: {cpu_usage: {warning: 80, critical: 95}}}]
      """;

  private static RayCluster cluster;
  private static DaemonProcess daemon;

  private final Web web = new Web(TOKEN);

  @BeforeAll
  static void start() throws Exception {
    UserJar.make(FOLDER.resolve("squares.jar"), "Squares", SQUARES);
    Path token = Files.writeString(FOLDER.resolve("token"), TOKEN);
    Path config = Files.writeString(FOLDER.resolve("squares.yaml"), CONFIG.formatted(token));
    cluster = new RayCluster().start();
    daemon =
        DaemonProcess.onCluster(FOLDER, "--front-door=127.0.0.1:28001", "--config=" + config)
            .awaitReady();
  }

  @AfterAll
  static void end() {
    Machine.close(daemon, cluster);
    Machine.delete(FOLDER);
  }

  private Path document() throws IOException, InterruptedException {
    return Files.writeString(
        FOLDER.resolve("openapi.json"), web.get(DOOR + "/openapi.json").body());
  }

  @Test
  void theDocumentIsValid() throws Exception {
    String said = Machine.run(Tools.path("openapi-spec-validator"), document().toString());
    assertThat(said).contains("OK");
  }

  @Test
  void theDocumentHasTheDeclaredLimits() throws Exception {
    JsonNode schemas =
        JsonMapper.shared().readTree(Files.readString(document())).at("/components/schemas");
    JsonNode data = schemas.path("AnomalyDetector.request").at("/anyOf/0/properties/data/anyOf");
    assertThat(data.get(0).path("maxItems").asInt()).isEqualTo(77);
    // As a percentage, it is no fraction any more.
    assertThat(data.get(1).at("/items/properties").has("cpu_usage")).isFalse();
    assertThat(data.get(1).at("/items/properties/error_rate/maximum").asDouble()).isEqualTo(1);
  }

  @Test
  void schemathesisFindsNothing() throws Exception {
    String said =
        Machine.run(
            "sh",
            "-c",
            "cd \"$0\" && exec env \"$@\"", // It keeps findings where it runs.
            FOLDER.toString(),
            "SCHEMATHESIS_HOOKS=" + DOCS.resolve("hooks.py"),
            Tools.path("schemathesis"),
            "--config-file=" + DOCS.resolve("schemathesis.toml"),
            "run",
            DOOR + "/openapi.json",
            "--checks=all",
            "--max-examples=40",
            "--seed=1",
            "--no-color",
            "--header=Authorization: Bearer " + TOKEN);
    System.out.println(said);
    assertThat(said).contains("Tested: 7").doesNotContain("Failures:");
  }

  @Test
  void thePageSendsARequest() throws Exception {
    String chromium = Tools.path("chromium");
    String chromedriver = Tools.path("chromedriver");
    Files.createDirectories(PICTURES);
    ChromeDriver browser = Browser.start(FOLDER, chromium, chromedriver);
    try {
      browser.get(DOOR + "/docs");
      await().until(() -> find(browser, "#why").getText().contains("Authorization: Bearer TOKEN"));
      find(browser, "#token").sendKeys(TOKEN);
      find(browser, "#ask button").click();
      show(browser, "api-light.png");
      find(browser, "#operations-SalienceScorer-post_SalienceScorer button").click();
      find(browser, "#operations-SalienceScorer-post_SalienceScorer .execute").click();
      String response =
          find(browser, "#operations-SalienceScorer-post_SalienceScorer .live-responses-table")
              .getText();
      assertThat(response).contains("200", "\"scores\"", "\"formula\"");
      show(browser, "api-response.png");
      assertThat(browser.findElement(By.tagName("body")).getText()).doesNotContain(TOKEN);
      browser.manage().window().setSize(new Dimension(390, 844));
      Browser.prefer(browser, "dark");
      show(browser, "api-dark-phone.png");
      assertThat(
              browser.executeScript(
                  "return document.documentElement.scrollWidth - document.documentElement.clientWidth"))
          .as("what is beyond the right edge, in pixels")
          .isEqualTo(0L);
      assertThat(browser.findElement(By.tagName("html")).getDomAttribute("class"))
          .contains("dark-mode");
      assertThat(
              browser.executeScript(
                  "return performance.getEntriesByType('resource').map(e => e.name)"
                      + ".filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))"
                      + ".join()"))
          .isEqualTo("");
    } finally {
      browser.quit();
    }
  }

  private static WebElement find(ChromeDriver browser, String selector) {
    return await()
        .atMost(Duration.ofSeconds(20))
        .ignoreExceptions()
        .until(() -> browser.findElement(By.cssSelector(selector)), WebElement::isDisplayed);
  }

  private static void show(ChromeDriver browser, String name) throws IOException {
    find(browser, ".opblock-summary");
    Files.write(PICTURES.resolve(name), browser.getScreenshotAs(OutputType.BYTES));
  }
}
