package ai.seedcore.serve.daemon.cluster;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;

/** A real browser, without a window. */
final class Browser {

  static final Dimension DESKTOP = new Dimension(1200, 1600);

  private Browser() {}

  /**
   * Starts the browser.
   *
   * @param folder where it keeps its profile
   */
  static ChromeDriver start(Path folder, String chromium, String chromedriver) {
    ChromeOptions options = new ChromeOptions();
    options.setBinary(chromium);
    options.addArguments(
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu");
    options.addArguments("--user-data-dir=" + folder.resolve("browser"));
    ChromeDriver browser =
        new ChromeDriver(
            new ChromeDriverService.Builder()
                .usingDriverExecutable(Path.of(chromedriver).toFile())
                .usingAnyFreePort()
                .build(),
            options);
    browser.manage().window().setSize(DESKTOP);
    return browser;
  }

  /** Chooses light or dark, as the system's settings do. */
  static void prefer(ChromeDriver browser, String scheme) {
    browser.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }
}
