package ai.seedcore.serve.daemon.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.deque.html.axecore.results.Rule;
import com.deque.html.axecore.selenium.AxeBuilder;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WindowType;
import org.openqa.selenium.chrome.ChromeDriver;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The status page in a real browser, while the cluster behind it is served, restarts and cannot be
 * served. What it looked like is kept in target/pages.
 */
@Tag("cluster")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class StatusPageIT {

  private static final String TOKEN = "a-token-of-the-tests-1";
  private static final Path PICTURES = Path.of("target", "pages");

  @TempDir static Path folder;
  private static RayCluster cluster;
  private static DaemonProcess daemon;
  private static ChromeDriver browser;
  private static HttpServer receiver;
  private static final Queue<String> NOTIFIED = new ConcurrentLinkedQueue<>();

  @BeforeAll
  static void start() throws IOException {
    String chromium = Tools.path("chromium");
    String chromedriver = Tools.path("chromedriver");
    Files.createDirectories(PICTURES);
    cluster = new RayCluster().start();
    daemon = daemon().awaitReady();
    browser = Browser.start(folder, chromium, chromedriver);
  }

  private static DaemonProcess daemon() throws IOException {
    return DaemonProcess.start(
        folder,
        List.of(),
        Map.of("SEEDCORE_STATUS_TOKEN", TOKEN, "SEEDCORE_NOTIFY_URL", hook()),
        "--address=" + RayCluster.ADDRESS,
        "--dashboard=" + RayCluster.DASHBOARD,
        "--front-door=127.0.0.1:28001",
        "--config="
            + declaration(
                "[{name: SalienceScorer, objectives: {availability: 0.99, latency: {within_s: 0.5, share: 0.9}}}]"));
  }

  /** A real receiver of notifications, at an address that nobody is to see. */
  private static String hook() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/hook/s3cr3t",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          JsonNode json = JsonMapper.shared().readTree(new String(body, StandardCharsets.UTF_8));
          NOTIFIED.add(json.path("state").asString());
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    receiver.createContext(
        "/app",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "text/html");
          byte[] page = "<!doctype html><title>app</title>".getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, page.length);
          exchange.getResponseBody().write(page);
          exchange.close();
        });
    receiver.start();
    return "http://127.0.0.1:%d/hook/s3cr3t".formatted(receiver.getAddress().getPort());
  }

  private static Path declaration(String deployments) {
    Path file = folder.resolve("deployments.yaml");
    Machine.write(
        file,
        "cors_origins: [http://127.0.0.1:%d]%ndeployments: %s%n"
            .formatted(receiver.getAddress().getPort(), deployments));
    return file;
  }

  @AfterAll
  static void end() {
    if (browser != null) {
      browser.quit();
    }
    Machine.close(daemon, cluster);
    if (receiver != null) {
      receiver.stop(0);
    }
  }

  @Test
  @Order(1)
  void whoHasNoTokenSeesNothingButTheDoor() {
    browser.get("http://" + daemon.statusAddress() + "/");
    awaitText("phase", "locked");
    assertThat(browser.getPageSource()).doesNotContain("SalienceScorer");
    picture("locked");
    assertAccessible();
    browser.findElement(By.id("token")).sendKeys(TOKEN);
    browser.findElement(By.cssSelector("#form button")).click();
  }

  @Test
  @Order(2)
  void aClusterThatIsServedIsSeenAtAGlance() {
    awaitText("phase", "serving");
    assertThat(browser.getTitle()).contains("serving");
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> text("apps").contains("1 of 1") && text("apps").contains("answers in"));
    assertThat(text("apps"))
        .contains("SalienceScorer", "AnomalyDetector", "ScalingPredictor")
        .contains("running");
    assertThat(text("door")).contains("127.0.0.1:28001", "none waiting", RayCluster.ROUTES);
    assertThat(text("events")).contains("all declared routes answer");
    assertThat(text("strip-text")).contains("1 outage");
    assertThat(text("bars-text")).contains("recover");
    assertThat(text("timeline")).contains("Serve starts", "SalienceScorer: replicas start");
    showTraffic();
    picture("healthy");
    assertAccessible();
    look("dark", Browser.DESKTOP, "healthy-dark");
    look("light", new Dimension(400, 1600), "healthy-phone");
    assertThat((Long) browser.executeScript("return document.documentElement.scrollWidth"))
        .as("nothing sticks out on a phone")
        .isLessThanOrEqualTo((Long) browser.executeScript("return window.innerWidth"));
    look("light", Browser.DESKTOP, "healthy");
  }

  /** A chart needs two points, and requests between them. */
  private static void showTraffic() {
    Web web = new Web();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> {
              web.post("http://127.0.0.1:28001/SalienceScorer", "{\"features\":[{}]}");
              return text("traffic").matches("(?s).*SalienceScorer.*\\d ms.*")
                  && browser.findElements(By.cssSelector("#traffic path[d*='L']")).size() >= 4;
            });
    assertThat(text("traffic")).contains("99 % available: 100 % of the budget left");
  }

  @Test
  @Order(2)
  void theHistoryIsFilteredAndDownloaded() throws Exception {
    browser.findElement(By.id("filter")).sendKeys("NOT RUNNING");
    await().until(() -> !text("events").contains("all declared routes answer"));
    assertThat(text("events")).contains("Serve is not running");
    Path downloads = Files.createDirectories(folder.resolve("downloads"));
    browser.executeCdpCommand(
        "Browser.setDownloadBehavior",
        Map.of("behavior", "allow", "downloadPath", downloads.toString()));
    browser.findElement(By.id("csv")).click();
    Path file = downloads.resolve("seedcore-history.csv");
    await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(file));
    assertThat(Files.readString(file))
        .startsWith("kind,at,")
        .contains("Serve is not running")
        .doesNotContain("all declared routes answer");
    browser.findElement(By.id("filter")).sendKeys(Keys.chord(Keys.CONTROL, "a"), Keys.BACK_SPACE);
    await().until(() -> text("events").contains("all declared routes answer"));
  }

  /** What a page sees is up to the browser, which sends a preflight request for such a header. */
  @Test
  @Order(2)
  void aPageOfADeclaredOriginMayUseTheRoutes() {
    String port = ":" + receiver.getAddress().getPort();
    String page = browser.getWindowHandle();
    browser.switchTo().newWindow(WindowType.TAB);
    browser.get("http://127.0.0.1" + port + "/app");
    assertThat(fetched()).startsWith("200 ").contains("\"success\"");
    browser.get("http://localhost" + port + "/app"); // Another origin.
    assertThat(fetched()).contains("TypeError");
    browser.close();
    browser.switchTo().window(page);
  }

  private static String fetched() {
    return String.valueOf(
        browser.executeAsyncScript(
            """
            const done = arguments[arguments.length - 1];
            fetch('http://127.0.0.1:28001/SalienceScorer', {
              method: 'POST',
              headers: {'Content-Type': 'application/json', 'X-Mine': '1'},
              body: '{"features":[{"task_risk":0.9}]}'
            }).then(async response => done(response.status + ' ' + await response.text()),
                error => done(error.name + ' ' + error.message));
            """));
  }

  @Test
  @Order(3)
  void aRestartIsFollowedLive() {
    cluster.kill();
    awaitText("phase", "waiting");
    assertThat(text("reason")).contains("GCS");
    picture("waiting");
    assertAccessible();
    cluster.comeBack();
    awaitText("phase", "recovering");
    picture("recovering");
    assertAccessible();
    awaitText("phase", "serving");
    await().until(() -> text("strip-text").contains("2 outages"));
    assertThat(text("events")).contains("Serve is not running");
    picture("recovered");
    await()
        .untilAsserted(
            () -> assertThat(NOTIFIED).containsExactly("serving", "not serving", "serving"));
    assertThat(daemon.log()).doesNotContain("s3cr3t").doesNotContain(TOKEN);
  }

  @Test
  @Order(4)
  void whatCannotBeDeployedIsNamed() {
    declaration(
        "[{name: Hungry, class: ai.seedcore.serve.salience.SalienceScorer, cpus: 1000, route: /Hungry}]");
    awaitText("phase", "recovering");
    await().atMost(Duration.ofSeconds(30)).until(() -> text("apps").contains("Hungry"));
    await().atMost(Duration.ofSeconds(30)).until(() -> text("apps").contains("deploying"));
    picture("failing");
    assertAccessible();
    look("dark", Browser.DESKTOP, "failing-dark");
  }

  @Test
  @Order(5)
  void aDaemonThatIsGoneIsSaidToBe() {
    await().until(() -> daemon.status().path("past").path("recovered").asInt() >= 2);
    Machine.pass(Duration.ofSeconds(6)); // The history is written every 5 s at most.
    daemon.end("KILL");
    awaitText("phase", "no response from the daemon");
    picture("gone");
    assertAccessible();
  }

  @Test
  @Order(6)
  void theNextDaemonKnowsWhatTheKilledOneSaw() throws IOException {
    daemon = daemon().awaitReady();
    awaitText("phase", "serving");
    await().until(() -> text("events").contains("GCS"));
    // The last recovery may be its own, after which it found all served.
    assertThat(daemon.status().path("past").path("recoveries").toString()).contains("Serve starts");
    assertThat(daemon.status().path("past").path("outages").toString())
        .contains("the daemon did not run");
    JsonNode objective = daemon.status().path("apps").path(0).path("objectives").path(0);
    assertThat(objective.path("requests").asInt()).isPositive();
    assertThat(objective.path("missed").asInt()).isZero();
  }

  private static String text(String id) {
    return browser.findElement(By.id(id)).getText();
  }

  private static void awaitText(String id, String part) {
    await("the page shows " + part)
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> text(id).contains(part));
  }

  private static void look(String scheme, Dimension size, String picture) {
    Browser.prefer(browser, scheme);
    browser.manage().window().setSize(size);
    picture(picture);
    assertAccessible();
  }

  private static void assertAccessible() {
    List<Rule> violations = new AxeBuilder().analyze(browser).getViolations();
    assertThat(violations).as("what axe finds").isEmpty();
  }

  private static void picture(String name) {
    try {
      Files.write(PICTURES.resolve(name + ".png"), browser.getScreenshotAs(OutputType.BYTES));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
