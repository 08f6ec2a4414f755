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
 * The project files that the applications run: the launchers, their library, and the jar. Inside
 * the project they are written directly, otherwise through the API. Files that are up to date are
 * not written again.
 */
final class ProjectFiles {

  static final String HEAD = "ray_head_launcher.py";
  static final String WORKER = "ray_worker_launcher.py";
  static final String SERVE = "seedcore_serve_launcher.py";
  static final String SETUP = "seedcore_setup.py";
  static final String FOLDER = ".seedcore";

  private static final String LIBRARY = "seedcore_cai.py";
  private static final String OPTIONS = FOLDER + "/jvm.options";

  /** The placeholder for the Ray version in the resources. */
  private static final String RAY_VERSION = "@RAY@";

  /** The number of hexadecimal digits of the digest in the jar's name. */
  private static final int DIGEST_LENGTH = 12;

  private static final int BUFFER_SIZE = 1 << 16;

  private final Path jar;
  private final String jvmOptions;
  private final String rayVersion;

  /**
   * Creates the files.
   *
   * @param jar the jar of this program
   * @param jvmOptions the JVM options for the daemon
   * @param rayVersion the Ray version to install in the project's environment
   */
  ProjectFiles(Path jar, String jvmOptions, String rayVersion) {
    this.jar = jar;
    this.jvmOptions = jvmOptions;
    this.rayVersion = rayVersion;
  }

  /**
   * Returns the jar's name in {@link #FOLDER}. It contains a digest of the content, so that a jar
   * in use is never overwritten.
   */
  String jarName() throws IOException {
    try (InputStream content = Files.newInputStream(jar)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[BUFFER_SIZE];
      for (int n = content.read(buffer); n > 0; n = content.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return "seedcore-serve-%s.jar"
          .formatted(HexFormat.of().formatHex(digest.digest()).substring(0, DIGEST_LENGTH));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the text files by name. */
  private Map<String, String> texts() throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : new String[] {LIBRARY, SETUP, HEAD, WORKER, SERVE}) {
      try (InputStream content = ProjectFiles.class.getResourceAsStream(name)) {
        if (content == null) {
          throw new IllegalStateException("this jar lacks " + name);
        }
        String text = new String(content.readAllBytes(), StandardCharsets.UTF_8);
        texts.put(name, text.replace(RAY_VERSION, rayVersion));
      }
    }
    texts.put(OPTIONS, jvmOptions);
    return texts;
  }

  /** Writes the files into a project's directory and makes the launchers executable. */
  void write(Path home, Consumer<String> output) throws IOException {
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
      output.accept("wrote " + file);
    }
    Path target = home.resolve(FOLDER).resolve(jarName());
    if (!Files.exists(target)) {
      Path part = target.resolveSibling(target.getFileName() + ".part");
      Files.copy(jar, part, StandardCopyOption.REPLACE_EXISTING);
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      output.accept("wrote " + target);
    }
  }

  /** Uploads the files to a project through the API. */
  void upload(CmlApi api, String project, Consumer<String> output) throws IOException {
    for (Map.Entry<String, String> each : texts().entrySet()) {
      Optional<String> existing = api.content(project, each.getKey());
      if (existing.isPresent() && existing.get().equals(each.getValue())) {
        continue;
      }
      if (existing.isPresent()) {
        api.deleteFile(project, each.getKey());
      }
      Path text = Files.createTempFile("seedcore", ".txt");
      try {
        Files.writeString(text, each.getValue());
        api.upload(project, each.getKey(), text);
      } finally {
        Files.delete(text);
      }
      output.accept("uploaded " + each.getKey());
    }
    String name = jarName();
    String size = String.valueOf(Files.size(jar));
    Optional<CmlApi.File> existing =
        api.files(project, FOLDER).stream().filter(file -> file.path().endsWith(name)).findFirst();
    if (existing.isPresent() && size.equals(existing.get().fileSize())) {
      return;
    }
    if (existing.isPresent()) { // An incomplete upload.
      api.deleteFile(project, FOLDER + "/" + name);
    }
    output.accept("uploading %s (%d MB) ...".formatted(name, Files.size(jar) >> 20));
    api.upload(project, FOLDER + "/" + name, jar);
  }
}
