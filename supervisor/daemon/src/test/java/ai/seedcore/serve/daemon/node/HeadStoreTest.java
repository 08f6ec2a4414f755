package ai.seedcore.serve.daemon.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadStoreTest {

  @TempDir Path parent;
  private Path folder;
  private HeadStore store;

  @BeforeEach
  void create() {
    folder = parent.resolve("gcs-6380");
    store = new HeadStore(folder, "2.60.0");
  }

  private Path aside() {
    return parent.resolve("gcs-6380.aside");
  }

  @Test
  void aStoreWithWhichTheHeadServesIsUsedAgainAndAgain() throws IOException {
    for (int i = 0; i < 5; i++) {
      assertThat(store.environment())
          .isEqualTo(
              Map.of("RAY_gcs_storage", "rocksdb", "RAY_gcs_storage_path", folder.toString()));
      Files.writeString(folder.resolve("state"), "what is remembered");
      store.cameUp();
    }
    assertThat(aside()).doesNotExist();
  }

  @Test
  void aStoreWithWhichItDoesNotServeIsSetAside() throws IOException {
    for (int round = 0; round < 2; round++) {
      assertThat(store.environment()).isNotEmpty();
      Files.createDirectories(folder.resolve("kv"));
      Files.writeString(folder.resolve("kv/CURRENT"), "round " + round);
      assertThat(store.environment()).isNotEmpty();
      assertThat(folder).isEmptyDirectory();
      assertThat(aside().resolve("kv/CURRENT")).hasContent("round " + round);
      // Not even with an empty one: a disk may be full. The head must come up all the same.
      assertThat(store.environment()).isEmpty();
      assertThat(store.environment()).isEmpty();
      store.cameUp();
    }
  }

  @Test
  void aStoreOfAnotherVersionOfRayIsSetAside() throws IOException {
    assertThat(store.environment()).isNotEmpty();
    Files.writeString(folder.resolve("state"), "of 2.60.0");
    assertThat(new HeadStore(folder, "2.61.0").environment()).isNotEmpty();
    assertThat(folder).isEmptyDirectory();
    assertThat(aside().resolve("state")).exists();
  }

  @Test
  void withoutAPlaceForItTheHeadStartsWithoutIt() throws IOException {
    Files.writeString(folder, "a file where the folder should be");
    assertThat(store.environment()).isEmpty();
  }
}
