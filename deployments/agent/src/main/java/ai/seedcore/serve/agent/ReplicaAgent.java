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
 * The Java agent of a replica's JVM.
 *
 * <p>It adds the deployment's jars (the {@code lib} directory next to this jar) to the system class
 * path, so that Ray finds the deployment's class on a node where nothing is installed. It also
 * patches Ray's replica classes when the JVM loads them; see {@link ReplicaPatch}. Ray has no other
 * extension point for either.
 */
public final class ReplicaAgent {

  private ReplicaAgent() {}

  /** Runs before {@code main}. The argument is ignored. */
  public static void premain(@Nullable String argument, Instrumentation instrumentation)
      throws IOException, URISyntaxException {
    instrumentation.addTransformer(new Transformer());
    openToSerializer(instrumentation);
    RequestLog.configure();
    Environment.add(beside("seedcore.env"));
    for (Path jar : deploymentJars()) {
      // The class path keeps the file open until the JVM exits.
      @SuppressWarnings("resource")
      JarFile file = new JarFile(jar.toFile());
      instrumentation.appendToSystemClassLoaderSearch(file);
    }
  }

  /**
   * Opens the packages of {@code java.base} to FST, Ray's fallback serializer, which reads private
   * fields by reflection. Without this, FST fails on JDK 16 and newer. If it fails on an exception
   * that a deployment threw, Ray aborts the JVM.
   */
  private static void openToSerializer(Instrumentation instrumentation) {
    Module base = Object.class.getModule();
    Set<Module> unnamed = Set.of(ReplicaAgent.class.getModule());
    Map<String, Set<Module>> opens = new HashMap<>();
    for (String name : base.getPackages()) {
      if (name.startsWith("java.")) {
        opens.put(name, unnamed);
      }
    }
    instrumentation.redefineModule(base, Set.of(), Map.of(), opens, Set.of(), Map.of());
  }

  private static Path beside(String name) throws URISyntaxException {
    return Path.of(ReplicaAgent.class.getProtectionDomain().getCodeSource().getLocation().toURI())
        .resolveSibling(name);
  }

  private static List<Path> deploymentJars() throws IOException, URISyntaxException {
    Path lib = beside("lib");
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
        // The JVM discards exceptions of a transformer, so this line is the only trace.
        System.err.println("seedcore-agent: cannot patch " + name + ": " + e);
        return null;
      }
    }
  }
}
