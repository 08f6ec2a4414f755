package ai.seedcore.serve.daemon.config;

import ai.seedcore.serve.door.Idempotence;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.annotation.JsonDeserialize;

/** One declared Serve application. */
@JsonDeserialize(using = DeclaredApplication.ByLanguage.class)
public sealed interface DeclaredApplication permits DeclaredJava, DeclaredPython {

  /** Returns the application's name. */
  String name();

  /** Returns the route prefix; null if the application is not served over HTTP. */
  @Nullable String route();

  /** Returns how to check that the route responds; null to rely on Serve's own health checks. */
  @Nullable Probe probe();

  /**
   * Returns which requests the front door may send again although a replica may have executed them.
   */
  Idempotence idempotent();

  /** Returns what its clients may expect. */
  Objectives objectives();

  /**
   * Returns the body of a request that the declaration gives as an example; null if a GET is all
   * that is known.
   */
  default @Nullable String example() {
    Probe probe = probe();
    return probe == null ? null : probe.bodyText();
  }

  /** Returns how long a request may take; zero for no limit of the daemon's. */
  Duration requestTimeout();

  /** Returns the files and folders of this machine that become part of the application. */
  List<Path> sources();

  /** Returns the files, besides the configuration file, that were read for this declaration. */
  default List<Path> definedBy() {
    return List.of();
  }

  /** Returns what is served: the name of a Java class, or an import path of Python. */
  String code();

  /** Chooses the language by the keys that are present. */
  final class ByLanguage extends ValueDeserializer<DeclaredApplication> {
    @Override
    public DeclaredApplication deserialize(JsonParser parser, DeserializationContext context) {
      JsonNode tree = context.readTree(parser);
      return tree.has("import_path")
          ? context.readTreeAsValue(tree, DeclaredPython.class)
          : context.readTreeAsValue(tree, DeclaredJava.class);
    }
  }
}
