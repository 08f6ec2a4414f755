package ai.seedcore.serve.agent;

import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.ProtectionDomain;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The entry point of a replica's JVM.
 *
 * <p>It does two things that Ray leaves no other place for. It puts the deployment's jars (the
 * folder {@code lib} beside this jar) on the system class path, so that Ray finds the deployment's
 * class on a node that holds none of our files. And it mends Ray's replica classes while they are
 * loaded, see {@link ReplicaPatch}.
 */
public final class ReplicaAgent {

  private ReplicaAgent() {}

  /** Called by the JVM before {@code main}; the argument is not used. */
  public static void premain(@Nullable String argument, Instrumentation instrumentation)
      throws IOException, URISyntaxException {
    instrumentation.addTransformer(new Transformer());
    openToSerializer(instrumentation);
    RequestLog.configure();
    for (Path jar : deploymentJars()) {
      // The class path keeps the file open for the life of the JVM.
      @SuppressWarnings("resource")
      JarFile file = new JarFile(jar.toFile());
      instrumentation.appendToSystemClassLoaderSearch(file);
    }
  }

  /**
   * Opens the JDK's own packages to Ray's fallback serializer, FST, which reads private fields and
   * knows nothing of modules: on a JDK since 16 it fails without this, and where it fails on an
   * exception that a deployment threw, Ray aborts the JVM.
   */
  private static void openToSerializer(Instrumentation instrumentation) {
    Module base = Object.class.getModule();
    Set<Module> everyone = Set.of(ReplicaAgent.class.getModule());
    Map<String, Set<Module>> opens = new HashMap<>();
    for (String name : base.getPackages()) {
      if (name.startsWith("java.")) {
        opens.put(name, everyone);
      }
    }
    instrumentation.redefineModule(base, Set.of(), Map.of(), opens, Set.of(), Map.of());
  }

  private static List<Path> deploymentJars() throws IOException, URISyntaxException {
    Path self =
        Path.of(ReplicaAgent.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path lib = self.resolveSibling("lib");
    if (!Files.isDirectory(lib)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(lib)) {
      return entries.filter(entry -> entry.toString().endsWith(".jar")).sorted().toList();
    }
  }

  private static final class Transformer implements ClassFileTransformer {
    @Override
    public byte @Nullable [] transform(
        @Nullable ClassLoader loader,
        @Nullable String name,
        @Nullable Class<?> redefined,
        @Nullable ProtectionDomain domain,
        byte[] classFile) {
      if (name == null || !ReplicaPatch.applies(name)) {
        return null;
      }
      try {
        return ReplicaPatch.apply(name, classFile);
      } catch (RuntimeException | LinkageError e) {
        // The JVM swallows what a transformer throws; without this line nobody would ever know.
        System.err.println("seedcore-agent: cannot mend " + name + ": " + e);
        return null;
      }
    }
  }
}
