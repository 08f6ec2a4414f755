package ai.seedcore.serve.cai;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What our applications run, in the project's files: the launchers, what they share, and the jar.
 * Written directly where this program runs in the project itself, else by the API. A file that is
 * there as it should be is left alone.
 */
final class ProjectFiles {

  static final String HEAD = "ray_head_launcher.py";
  static final String WORKER = "ray_worker_launcher.py";
  static final String SERVE = "seedcore_serve_launcher.py";
  static final String SETUP = "seedcore_setup.py";
  static final String FOLDER = ".seedcore";

  private static final String LIBRARY = "seedcore_cai.py";
  private static final String OPTIONS = FOLDER + "/jvm.options";

  private final Path jar;
  private final String jvmOptions;
  private final String rayVersion;

  /**
   * Files.
   *
   * @param jar the program itself
   * @param jvmOptions what a JVM that runs it is given
   * @param rayVersion the version of Ray that the project's environment gets
   */
  ProjectFiles(Path jar, String jvmOptions, String rayVersion) {
    this.jar = jar;
    this.jvmOptions = jvmOptions;
    this.rayVersion = rayVersion;
  }

  /** The jar's name in {@link #FOLDER}: by its content, so that none is ever overwritten. */
  String jarName() throws IOException {
    try (InputStream content = Files.newInputStream(jar)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = content.read(buffer); n > 0; n = content.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return "seedcore-serve-%s.jar"
          .formatted(HexFormat.of().formatHex(digest.digest()).substring(0, 12));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private Map<String, String> texts() throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : new String[] {LIBRARY, SETUP, HEAD, WORKER, SERVE}) {
      try (InputStream content = ProjectFiles.class.getResourceAsStream(name)) {
        if (content == null) {
          throw new IllegalStateException("this jar lacks " + name);
        }
        String text = new String(content.readAllBytes(), StandardCharsets.UTF_8);
        texts.put(name, text.replace("@RAY@", rayVersion));
      }
    }
    texts.put(OPTIONS, jvmOptions);
    return texts;
  }

  /** Writes the files into a project's own folder, executable. */
  void write(Path home, Consumer<String> said) throws IOException {
    Files.createDirectories(home.resolve(FOLDER));
    for (Map.Entry<String, String> each : texts().entrySet()) {
      Path file = home.resolve(each.getKey());
      if (Files.exists(file) && Files.readString(file).equals(each.getValue())) {
        continue;
      }
      Path part = file.resolveSibling(file.getFileName() + ".part");
      Files.writeString(part, each.getValue());
      Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      said.accept("wrote " + file);
    }
    Path there = home.resolve(FOLDER).resolve(jarName());
    if (!Files.exists(there)) {
      Path part = there.resolveSibling(there.getFileName() + ".part");
      Files.copy(jar, part, StandardCopyOption.REPLACE_EXISTING);
      Files.move(part, there, StandardCopyOption.ATOMIC_MOVE);
      said.accept("wrote " + there);
    }
  }

  /** Brings the files to a project by the API. */
  void upload(CmlApi api, String project, Consumer<String> said) throws IOException {
    for (Map.Entry<String, String> each : texts().entrySet()) {
      Optional<String> there = api.content(project, each.getKey());
      if (there.isPresent() && there.get().equals(each.getValue())) {
        continue;
      }
      if (there.isPresent()) {
        api.deleteFile(project, each.getKey());
      }
      Path text = Files.createTempFile("seedcore", ".txt");
      try {
        Files.writeString(text, each.getValue());
        api.upload(project, each.getKey(), text);
      } finally {
        Files.delete(text);
      }
      said.accept("uploaded " + each.getKey());
    }
    String name = jarName();
    String size = String.valueOf(Files.size(jar));
    Optional<CmlApi.File> there =
        api.files(project, FOLDER).stream().filter(file -> file.path().endsWith(name)).findFirst();
    if (there.isPresent() && size.equals(there.get().fileSize())) {
      return;
    }
    if (there.isPresent()) { // Half of it, of an upload that broke off.
      api.deleteFile(project, FOLDER + "/" + name);
    }
    said.accept("uploading %s (%d MB) ...".formatted(name, Files.size(jar) >> 20));
    api.upload(project, FOLDER + "/" + name, jar);
  }
}
