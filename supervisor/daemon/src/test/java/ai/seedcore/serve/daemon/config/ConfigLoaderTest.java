package ai.seedcore.serve.daemon.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.seedcore.serve.base.ConfigException;
import ai.seedcore.serve.base.HostPort;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigLoaderTest {

  @TempDir Path folder;

  /** Changes within a step need no new replicas. */
  @ParameterizedTest
  @CsvSource({"1, 40", "32, 40", "33, 108", "100, 108", "101, 109", "1000, 1008"})
  void threadsAreStartedInSteps(int ongoing, int threads) throws IOException {
    Settings settings =
        load(
            "builtin: false\ndeployments: [{name: A, class: ai.seedcore.serve.salience.SalienceScorer, max_ongoing_requests: %d}]"
                .formatted(ongoing));
    assertThat(((DeclaredJava) settings.deployments().get(0)).threads()).isEqualTo(threads);
  }

  @Test
  void withoutAWordTheThreeAreDeclared() {
    Settings settings = ConfigLoader.load(null, Map.of(), Map.of());
    assertThat(settings.deployments().stream().map(DeclaredApplication::name))
        .containsExactly("SalienceScorer", "AnomalyDetector", "ScalingPredictor");
    assertThat(settings.deployments().get(0).route()).isEqualTo("/SalienceScorer");
    assertThat(java(settings, 0).replicas()).isEqualTo(1);
  }

  @Test
  void aFileAddsADeploymentAndChangesAnotherByName() throws IOException {
    Path jar = folder.resolve("echo.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new JarEntry("org/example/Echo.class"));
    }
    Settings settings =
        load(
            """
            serve_port: 8100
            deployments:
              - name: AnomalyDetector
                replicas: 2
              - name: Echo
                class: org.example.Echo
                jars: [echo.jar]
                memory: 512MiB
                init_args: [hi, 3, {deep: [true]}]
                autoscaling: {min_replicas: 1, max_replicas: 3, target_ongoing_requests: 2}
            """);
    assertThat(settings.servePort()).isEqualTo(8100);
    assertThat(settings.deployments()).hasSize(4);
    assertThat(java(settings, 1).replicas()).isEqualTo(2);
    DeclaredJava echo = java(settings, 3);
    assertThat(echo.jars()).containsExactly(jar);
    assertThat(echo.memoryBytes()).isEqualTo(512L << 20);
    assertThat(echo.initArgs()).hasToString("[\"hi\", 3, {\"deep\":[true]}]");
    assertThat(echo.replicas()).isNull();
  }

  @Test
  void flagsGoBeforeTheFile() throws IOException {
    Path file = write("serve_port: 8100");
    Settings settings =
        ConfigLoader.load(file, Map.of("serve_port", "8200", "local", "true"), Map.of());
    assertThat(settings.servePort()).isEqualTo(8200);
    assertThat(settings.local()).isTrue();
  }

  @Test
  void withoutTheBuiltInOnesWhatIsDeclaredIsAll() throws IOException {
    Settings settings =
        load(
            """
            builtin: false
            deployments:
              - name: SalienceScorer
                class: ai.seedcore.serve.salience.SalienceScorer
            """);
    assertThat(settings.deployments()).hasSize(1);
    assertThat(java(settings, 0).cpus()).isEqualTo(1.0);
  }

  @Test
  void aServeConfigIsReadWithItsLocalFolders() throws IOException {
    Path apps = Files.createDirectory(folder.resolve("apps"));
    Files.writeString(Files.createDirectory(apps.resolve("code")).resolve("chat.py"), "app = 1");
    Files.writeString(apps.resolve("requirements.txt"), "# ours\nnumpy==2 # pinned\n\nscipy\n");
    Files.writeString(
        apps.resolve("serve.yaml"),
        """
        proxy_location: EveryNode
        logging_config: {log_level: DEBUG}
        applications:
          - import_path: chat:app
            runtime_env: {working_dir: code, pip: requirements.txt}
          - name: remote
            route_prefix: null
            import_path: chat.app
            runtime_env: {working_dir: "https://example.com/a.zip"}
            deployments: [{name: D, num_replicas: 2}]
            external_scaler_enabled: true
        """);
    Settings settings =
        load(
            """
            builtin: false
            deployments:
              - serve_config: apps/serve.yaml
              - name: default
                probe: {expect: {ok: true}}
            """);
    DeclaredPython first = (DeclaredPython) settings.deployments().get(0);
    assertThat(first.name()).isEqualTo("default");
    assertThat(first.route()).isEqualTo("/");
    assertThat(first.sources()).containsExactly(apps.resolve("code"));
    assertThat(first.runtimeEnv().get("pip")).hasToString("[\"numpy==2\",\"scipy\"]");
    assertThat(first.options()).hasToString("{\"logging_config\":{\"log_level\":\"DEBUG\"}}");
    assertThat(first.probe()).isNotNull();
    assertThat(first.definedBy())
        .containsExactly(apps.resolve("serve.yaml"), apps.resolve("requirements.txt"));
    DeclaredPython second = (DeclaredPython) settings.deployments().get(1);
    assertThat(second.route()).isNull();
    assertThat(second.sources()).isEmpty();
    assertThat(second.options().path("external_scaler_enabled").asBoolean()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "import_path: chat | deployments[0].import_path: found 'chat', expected a module and a name",
        "import_path: a:b, replicas: 2 | deployments[0].replicas: found an unknown field",
        "import_path: a:b, args: [1] | deployments[0].args: found [1], expected names",
        "import_path: a:b, route: x | deployments[0].route: found 'x', expected a path",
        "import_path: a:b, probe: {} | deployments[0].probe: found a probe without a route",
        "import_path: a:b, runtime_env: {working_dir: [x]} | runtime_env.working_dir: found [\"x\"]",
        "import_path: a:b, runtime_env: {working_dir: ' '} | runtime_env.working_dir: found",
        "import_path: a:b, runtime_env: {env_vars: {P: 80}} | runtime_env.env_vars: found a value",
        "import_path: a:b, runtime_env: {py_modules: [3]} | runtime_env.py_modules: found [3]",
        "import_path: a:b, runtime_env: {working_dir: none} | found FOLDER/none, expected a folder",
        "import_path: a:b, runtime_env: {pip: none.txt} | runtime_env.pip: found FOLDER/none.txt",
      })
  void aWrongPythonApplicationIsNamed(String fields, String message) {
    assertThatThrownBy(() -> load("builtin: false\ndeployments: [{name: P, %s}]".formatted(fields)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message.replace("FOLDER", folder.toString()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "apps: [] | applications: found nothing, expected a list",
        "{applications: [{name: x}]} | import_path: found nothing for the application \"x\"",
        "{applications: [{import_path: a.b}], target_capacity: 50} | target_capacity: found",
        "{applications: 3} | applications: found 3, expected a list",
      })
  void aWrongServeConfigIsNamed(String content, String message) throws IOException {
    Files.writeString(folder.resolve("s.yaml"), content);
    assertThatThrownBy(() -> load("deployments: [{serve_config: s.yaml}]"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(folder.resolve("s.yaml") + ": " + message);
  }

  @Test
  void theBuiltInOnesCanBeLeftOut() {
    assertThatThrownBy(() -> load("builtin: false"))
        .hasMessageContaining("deployments: found none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          front_door: here | front_door: found 'here', expected HOST:PORT
          hold_seconds: 7200 | hold_seconds: found 7200, expected 0 to 3600
          hold_mb: 4 | hold_mb: found 4, expected 8 to 16384
          status_codes: rest | status_codes: found 'rest', expected http or contract
          front_door_key: k.pem | front_door_certificate: found only one of it and front_door_key, expected both or neither
          front_door: "127.0.0.1:8090" | front_door: found 127.0.0.1:8090, which is also the address of status
          deployments: [{name: a, class: b, jvm_options: ["-Xmx1g -Xss1m"]}] | jvm_options: found '-Xmx1g -Xss1m', expected a JVM option
          deployments: [{name: a, class: b, files: [x/m.onnx, y/m.onnx]}] | files: found two files named 'm.onnx', expected different names
          deployments: [{name: a, class: b, files: [lib]}] | files: found 'lib', expected a name of letters
          deployments: [{name: a, class: b, files: [gone.onnx]}] | deployment a: files: found no readable file
          serve_prot: 1 | serve_prot: found an unknown field, expected one of address
          serve_port: many | serve_port
          serve_port: 0 | serve_port: found 0, expected a port from 1 to 65535
          log_file_mb: 0 | log_file_mb: found 0, expected 1 to 10000
          log_files_kept: 21 | log_files_kept: found 21, expected 1 to 20
          status: nowhere | status: found 'nowhere', expected HOST:PORT
          address: 10.0.0.5 | address: found '10.0.0.5', expected HOST:PORT
          address: ray://head:10001 | most likely head:6380
          log_format: xml | log_format: found 'xml', expected text or json
          {local: true, join: true} | expected only one of them
          deployments: [{name: A}] | deployments[3].class
          deployments: [{class: A}] | deployments[3].name
          deployments: [{name: A, class: B, replicas: 0}] | deployments[3].replicas: found 0, expected 1 or more
          deployments: [{name: A, class: B, replicas: 1.5}] | deployments[3].replicas
          deployments: [{name: A, class: B, route: x}] | deployments[3].route: found 'x'
          deployments: [{name: A, class: B, memory: lots}] | deployments[3].memory: found 'lots'
          deployments: [{name: A, class: B, cpu: 1}] | deployments[3].cpu: found an unknown field
          deployments: [{name: A, class: B, route: /SalienceScorer}] | found two with the route /SalienceScorer
          deployments: [{name: A, class: B}, {name: A, class: C}] | found two named A
          deployments: [{name: A, class: B, jars: [none.jar]}] | deployment A: jars: found
          deployments: [{name: A, class: B, autoscaling: {min_replicas: 3, max_replicas: 1}}] | autoscaling.max_replicas: found 1
          deployments: {} | deployments
          [1, 2] | found a list, expected a mapping of keys to values
          {a: 1 | line 1
          deployments: [{name: A, class: B, replicas: 99999999999999}] | deployments[3].replicas: found 99999999999999, expected an integer
          deployments: [{name: A, class: B, max_ongoing_requests: 1e99}] | deployments[3].max_ongoing_requests: found
          serve_port: 1e400 | serve_port: found
          deployments: [{name: A, class: B, idempotent: maybe}] | deployments[3].idempotent: found 'maybe', expected true, false or never
          cors_origins: [https://App.example.org] | cors_origins: found 'https://App.example.org', expected origins as browsers send them
          cors_origins: [https://app.example.org:443] | cors_origins: found 'https://app.example.org:443', expected origins as browsers send them
          front_door_token_header: X-Forwarded-For | front_door_token_header: found 'X-Forwarded-For', expected a header field of clients
          deployments: [{name: A, class: B, resources: {x: }}] | deployments[3].resources: found nothing, expected amounts
          deployments: [{name: A, class: B, num_gpus: 1.5}] | deployments[3].num_gpus: found 1.5, expected a number from 0 to 1000, whole above 1
          deployments: [{name: A, class: B, resources: {CPU: 1}}] | deployments[3].resources: found 'CPU', expected the key cpus
          deployments: [{name: A, class: B, resources: {x: 0}}] | deployments[3].resources.x: found 0.0, expected 0.0001 or more
          deployments: [{name: A, class: B, accelerator_type: "a b"}] | deployments[3].accelerator_type: found 'a b', expected a name
          deployments: [{name: A, class: B, env: {A: [secret]}}] | deployments[3].env.A: found another kind of value, expected a text (a number in quotes), {from_env: NAME} or
          deployments: [{name: A, class: B, env: {A: 1.10}}] | deployments[3].env.A: found another kind of value
          deployments: [{name: A, class: B, env: {A: }}] | deployments[3].env: found nothing, expected values
          deployments: [{name: A, class: B, env: A=secret}] | deployments[3].env: found another form, expected names
          deployments: [{name: A, class: B, env: {"A=secret": x}}] | deployments[3].env: found a name with '=', expected
          deployments: [{name: A, class: B, env: {A: {from_env: A, from_file: b}}}] | deployments[3].env.A: found another kind
          deployments: [{name: A, class: B, env: {RAY_A: x}}] | deployments[3].env: found 'RAY_A', expected a name such as
          deployments: [{name: A, class: B, env: {A: {from_env: NOT_THERE}}}] | deployment A: env.A: found no variable NOT_THERE in the daemon's environment
          deployments: [{name: A, class: B, env: {A: {from_file: not-there}}}] | deployment A: env.A: found no readable text in
          deployments: [{name: A, class: B, route: /-/health}] | deployments[3].route: found '/-/health', expected another
          deployments: [{name: A, class: B, route: /-/routes}] | deployments[3].route: found '/-/routes', expected another
          deployments: [{name: A, class: B, route: /a/../b}] | deployments[3].route: found '/a/../b'
          deployments: [{name: A, class: B, route: /a//b}] | deployments[3].route: found '/a//b'
          front_door_trusted_proxies: [10.0.0.0/33] | front_door_trusted_proxies: found '10.0.0.0/33'
          serve_url: "http://me:secret@h:1" | serve_url: found a user name or a password
          {local: true, local: true} | local
          """)
  void aMistakeIsNamedWithItsField(String yaml, String message) {
    assertThatThrownBy(() -> load(yaml))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("secret");
  }

  @Test
  void aFileThatIsTooMuchIsRefused() {
    assertThatThrownBy(() -> load("a: " + "x".repeat(2 << 20)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("found 2048 KiB, expected at most 1024");
    assertThatThrownBy(() -> load("a: " + "[".repeat(20_000) + "]".repeat(20_000)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("more than 500 levels of nesting");
    assertThatThrownBy(() -> load("serve_port: " + "9".repeat(5_000)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("overlong number or string");
  }

  @Test
  void anAddressThatMayBeASecretIsNotRepeated() throws IOException {
    assertThatThrownBy(() -> load("notify_url: 'htp://s3cr3t@host/x'"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("notify_url")
        .hasMessageContaining("expected a URL")
        .hasMessageNotContaining("s3cr3t");
    assertThatThrownBy(() -> load("notify_url: 's3cr3t not a URL'"))
        .hasMessageNotContaining("s3cr3t");
  }

  @Test
  void aMistakeInAVariableNamesTheVariable() {
    assertThatThrownBy(
            () ->
                ConfigLoader.load(
                    null, Map.of("serve_port", "x"), Map.of("serve_port", "SEEDCORE_SERVE_PORT")))
        .hasMessageStartingWith("SEEDCORE_SERVE_PORT: serve_port");
  }

  /** Each: the configuration, the front door, and the port of Serve's proxy. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | | 8000",
        "local: true | 127.0.0.1:8000 | 8001",
        "{local: true, serve_port: 9001} | 127.0.0.1:8000 | 9001",
        "{local: true, front_door: '127.0.0.1:9000'} | 127.0.0.1:9000 | 8000",
        "{local: true, front_door: 'off'} | | 8000",
        "{local: true, front_door: off} | | 8000",
        "front_door: 'off' | | 8000",
        "join: true | | 8000",
      })
  void aLocalHeadHasAFrontDoorByDefault(String yaml, @Nullable String door, int servePort)
      throws IOException {
    Settings settings = load(yaml);
    assertThat(settings.frontDoor()).isEqualTo(door == null ? null : HostPort.parse(door));
    assertThat(settings.servePort()).isEqualTo(servePort);
  }

  @Test
  void aLocalHeadsFrontDoorAndProxyNeedTwoPorts() throws IOException {
    assertThat(load("{local: true, serve_port: 8000}").doorObstacle().orElseThrow())
        .contains("front_door: off");
    assertThat(
            ConfigLoader.load(null, Map.of("local", "true", "front_door", "off"), Map.of())
                .frontDoor())
        .isNull();
  }

  private Settings load(String yaml) throws IOException {
    return ConfigLoader.load(write(yaml), Map.of(), Map.of());
  }

  private Path write(String yaml) throws IOException {
    return Files.writeString(folder.resolve("config.yaml"), yaml);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://head:8265 | most likely head:6380",
        "https://ray_head:8265/ | most likely ray_head:6380",
        "local | --local",
        "ray://head:10001 | most likely head:6380"
      })
  void anotherKindOfAddressGetsAHint(String address, String hint) {
    assertThatThrownBy(
            () ->
                ConfigLoader.load(
                    null, Map.of("address", address), Map.of("address", "RAY_ADDRESS")))
        .hasMessageStartingWith("RAY_ADDRESS: address: found '" + address)
        .hasMessageContaining(hint);
  }

  @Test
  void whatIsTooLargeForOnePackageIsNamedWithTheLimit() throws IOException {
    try (RandomAccessFile model = new RandomAccessFile(folder.resolve("m.bin").toFile(), "rw")) {
      model.setLength(493L << 20);
    }
    String declared =
        "deployments:\n  - {name: Big, class: ai.seedcore.serve.salience.SalienceScorer, files: [m.bin]}";
    assertThatThrownBy(() -> load(declared))
        .hasMessageContaining("deployment Big: files: found 493 MiB")
        .hasMessageContaining("m.bin with 493")
        .hasMessageContaining("expected at most 492");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "max_ongoing_requests: 0 | max_ongoing_requests: found 0, expected 1 to 10000",
        "request_timeout_s: 0 | request_timeout_s: found 0.0, expected seconds",
        "health_check_period_s: -1 | health_check_period_s: found -1.0",
        "graceful_shutdown_timeout_s: 1e9 | graceful_shutdown_timeout_s: found",
        "non_finite_numbers: maybe | non_finite_numbers: found 'maybe', expected null or reject",
        "'autoscaling: {min_replicas: 1}' | max_replicas",
        "'probe: {timeout_s: 0}' | timeout_s: found 0.0, expected seconds from 0.1 to 600",
      })
  void aWrongSettingIsNamed(String line, String message) {
    assertThatThrownBy(
            () ->
                load(
                    "deployments:\n  - name: A\n    class: ai.seedcore.serve.salience.SalienceScorer\n    "
                        + line))
        .hasMessageContaining(message);
  }

  @Test
  void optionsOfTheNodeAreGivenByFileOrFlag() throws IOException {
    Settings byFile =
        load("join: true\nnode_ip_address: 10.0.0.7\nnode_options: [--node-manager-port=10010]");
    assertThat(byFile.nodeOptions()).containsExactly("--node-manager-port=10010");
    assertThat(byFile.nodeIpAddress()).isEqualTo("10.0.0.7");
    Settings byFlag =
        ConfigLoader.load(
            null,
            Map.of("join", "true", "node_options", "--min-worker-port=1  --max-worker-port=9"),
            Map.of());
    assertThat(byFlag.nodeOptions()).containsExactly("--min-worker-port=1", "--max-worker-port=9");
    assertThatThrownBy(() -> load("join: true\nnode_options: [--head]"))
        .hasMessageContaining("node_options: found '--head'");
    assertThatThrownBy(() -> load("node_options: [--node-name=x]"))
        .hasMessageContaining("without --join or --local");
  }

  private static DeclaredJava java(Settings settings, int index) {
    return (DeclaredJava) settings.deployments().get(index);
  }
}
