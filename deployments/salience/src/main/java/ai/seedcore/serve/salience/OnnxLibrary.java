package ai.seedcore.serve.salience;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.UUID;

/**
 * ONNX Runtime's native library, unpacked once a node into the working folder, which its replicas
 * share and Ray removes with the package. ONNX Runtime's own way is a copy a process in the
 * temporary folder, which stays there whenever a replica is killed.
 */
final class OnnxLibrary {

  private static final String PROPERTY = "onnxruntime.native.path";

  private OnnxLibrary() {}

  static synchronized void unpack() {
    if (System.getProperty(PROPERTY) != null) {
      return;
    }
    String arch = System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x64";
    Path folder = Path.of("onnxruntime-" + arch).toAbsolutePath();
    try {
      Files.createDirectories(folder);
      for (String library : List.of("libonnxruntime.so", "libonnxruntime4j_jni.so")) {
        unpack("/ai/onnxruntime/native/linux-" + arch + "/" + library, folder.resolve(library));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "ONNX Runtime's native library cannot be unpacked into " + folder, e);
    }
    System.setProperty(PROPERTY, folder.toString());
  }

  private static void unpack(String resource, Path target) throws IOException {
    if (Files.exists(target)) {
      return;
    }
    Path part = target.resolveSibling(target.getFileName() + "." + UUID.randomUUID());
    try (InputStream in = OnnxLibrary.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalArgumentException(
            ("found no ONNX Runtime for this machine (%s), expected linux on x64 or aarch64, and"
                    + " the model among the deployment's files, which brings ONNX Runtime along")
                .formatted(System.getProperty("os.arch")));
      }
      Files.copy(in, part);
      // Whole at once: another replica may look at the same moment.
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
