package ai.seedcore.serve.daemon.pack;

import static org.assertj.core.api.Assertions.assertThat;

import ai.seedcore.serve.daemon.config.ConfigLoader;
import ai.seedcore.serve.daemon.config.Settings;
import ai.seedcore.serve.daemon.decide.DesiredPython;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** What is submitted and uploaded for a Python application. */
class PythonPackagesTest {

  @TempDir Path folder;

  @BeforeEach
  void makeFolders() throws IOException {
    for (String file :
        List.of("app/main.py", "app/in/side.py", "app/.git/config", "app/__pycache__/main.pyc")) {
      Files.createDirectories(folder.resolve(file).getParent());
      Files.writeString(folder.resolve(file), file);
    }
  }

  @Test
  void aFolderIsUploadedAndNamedInTheConfig() throws IOException {
    Packages packages = pack("runtime_env: {working_dir: app, py_modules: [app, 's3://b/m.zip']}");
    JsonNode runtimeEnv = python(packages).config().get("runtime_env");
    String workingDir = runtimeEnv.get("working_dir").stringValue().replace("gcs://", "");
    String module = runtimeEnv.get("py_modules").get(0).stringValue().replace("gcs://", "");
    assertThat(names(packages, workingDir)).containsExactly("in/side.py", "main.py");
    assertThat(names(packages, module)).containsExactly("app/in/side.py", "app/main.py");
    assertThat(runtimeEnv.get("py_modules").get(1).stringValue()).isEqualTo("s3://b/m.zip");
    assertThat(packages.files()).hasSize(2);
  }

  @Test
  void theConfigIsThatOfAServeConfigFile() throws IOException {
    Packages packages =
        pack("args: {a: 1}, deployments: [{name: D}], options: {external_scaler_enabled: true}");
    DesiredPython python = python(packages);
    assertThat(python.config())
        .hasToString(
            """
            {"external_scaler_enabled":true,"name":"P","route_prefix":"/p","import_path":"main:app",\
            "runtime_env":{"env_vars":{"SEEDCORE_VERSION":"%s"}},"args":{"a":1},\
            "deployments":[{"name":"D"}]}"""
                .formatted(python.version()));
    assertThat(packages.files()).isEmpty();
  }

  @Test
  void onlyTheCodeAndItsEnvironmentMakeANewVersion() throws IOException {
    String declared = "runtime_env: {working_dir: app}, deployments: [{name: D, num_replicas: 1}]";
    Packages first = pack(declared);
    Packages more = pack(declared.replace(": 1", ": 2"));
    assertThat(python(more).version()).isEqualTo(python(first).version());
    assertThat(more.hash()).isNotEqualTo(first.hash());
    Files.writeString(folder.resolve("app/main.py"), "changed");
    assertThat(python(pack(declared)).version()).isNotEqualTo(python(first).version());
  }

  private static List<String> names(Packages packages, String name) throws IOException {
    try (ZipFile zip = new ZipFile(packages.files().get(name).toFile())) {
      return zip.stream().map(ZipEntry::getName).toList();
    }
  }

  private static DesiredPython python(Packages packages) {
    return (DesiredPython) packages.applications().get(0);
  }

  private Packages pack(String fields) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("d.yaml"),
            "{builtin: false, cache: %s, deployments: [{name: P, route: /p, import_path: 'main:app', %s}]}"
                .formatted(folder.resolve("cache"), fields));
    Settings settings = ConfigLoader.load(file, Map.of(), Map.of());
    return Packages.pack(settings.deployments(), Cache.open(settings));
  }
}
