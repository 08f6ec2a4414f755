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
 * Extracts ONNX Runtime's native libraries into the working directory, once per node. The replicas
 * of a node share that directory, and Ray deletes it with the package. ONNX Runtime itself would
 * extract one copy per process into the temporary directory, where it stays if the replica is
 * killed.
 */
final class OnnxLibrary {

  private static final String PROPERTY = "onnxruntime.native.path";

  private OnnxLibrary() {}

  /**
   * Extracts the libraries unless another replica has done so, and tells ONNX Runtime where they
   * are.
   *
   * @throws IllegalArgumentException if the jar has no library for this operating system or CPU
   */
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
          "cannot extract ONNX Runtime's native library into " + folder, e);
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
            ("found no ONNX Runtime for this machine (%s); expected Linux on x64 or aarch64, and the"
                    + " model in the deployment's files, which adds ONNX Runtime to the package")
                .formatted(System.getProperty("os.arch")));
      }
      Files.copy(in, part);
      // Atomic, because other replicas may check for the file at the same time.
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
