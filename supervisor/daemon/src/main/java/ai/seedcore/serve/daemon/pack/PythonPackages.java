package ai.seedcore.serve.daemon.pack;

import ai.seedcore.serve.daemon.config.DeclaredPython;
import ai.seedcore.serve.daemon.config.SourceFolder;
import ai.seedcore.serve.daemon.decide.DesiredPython;
import ai.seedcore.serve.daemon.observe.Dashboard;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipOutputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/**
 * A Python application as it is submitted, and the packages with its local folders.
 *
 * @param files the packages, by name
 */
record PythonPackages(DesiredPython application, Map<String, Path> files) {

  /** Packs the local folders of an application, and names the packages in its runtime_env. */
  static PythonPackages pack(DeclaredPython declared, Cache cache) throws IOException {
    Map<String, Path> files = new LinkedHashMap<>();
    ObjectNode runtimeEnv = declared.runtimeEnv().deepCopy();
    JsonNode workingDir = runtimeEnv.path("working_dir");
    if (workingDir.isString()) {
      runtimeEnv.set("working_dir", packed(workingDir.stringValue(), "", cache, files));
    }
    if (runtimeEnv.path("py_modules") instanceof ArrayNode modules) {
      for (int i = 0; i < modules.size(); i++) {
        String module = modules.get(i).stringValue();
        // Python imports a module by the name of its folder.
        modules.set(i, packed(module, Path.of(module).getFileName() + "/", cache, files));
      }
    }
    String version =
        Cache.hash(declared.importPath(), runtimeEnv.toString(), String.valueOf(declared.args()));
    ObjectNode config = declared.options().deepCopy();
    config.put("name", declared.name());
    config.put("route_prefix", declared.route());
    config.put("import_path", declared.importPath());
    config.set("runtime_env", runtimeEnv);
    runtimeEnv.withObject("env_vars").put(Dashboard.VERSION_VARIABLE, version);
    if (declared.args() != null) {
      config.set("args", declared.args());
    }
    if (!declared.deployments().isEmpty()) {
      config.putArray("deployments").addAll(declared.deployments());
    }
    return new PythonPackages(
        new DesiredPython(declared.name(), declared.route(), version, config), files);
  }

  private static StringNode packed(
      String found, String prefix, Cache cache, Map<String, Path> files) throws IOException {
    if (!DeclaredPython.isPath(found)) {
      return StringNode.valueOf(found);
    }
    Path source = Path.of(found);
    Path zip =
        cache.keep(
            "_ray_pkg_",
            ".zip",
            out -> {
              if (Files.isDirectory(source)) {
                zip(source, prefix, out);
              } else {
                Files.copy(source, out);
              }
            });
    String name = zip.getFileName().toString();
    files.put(name, zip);
    return StringNode.valueOf("gcs://" + name);
  }

  private static void zip(Path folder, String prefix, OutputStream out) throws IOException {
    ZipOutputStream zip = new ZipOutputStream(out);
    for (Path file : SourceFolder.files(folder)) {
      Zips.add(zip, prefix + folder.relativize(file), file);
    }
    zip.finish();
  }
}
