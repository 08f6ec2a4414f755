package ai.seedcore.serve.daemon.lead;

import ai.seedcore.serve.gcs.Gcs;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The keys that the daemons of one cluster share. No call waits. */
interface LeaseStore {

  /** All keys that begin with a prefix. */
  CompletableFuture<List<String>> keys(String prefix);

  /** What a key holds. */
  CompletableFuture<Optional<String>> get(String key);

  /**
   * Writes a key.
   *
   * @param overwrite whether a key that is there already is written
   * @return whether the key is new; of several that add one at the same time, one is told so
   */
  CompletableFuture<Boolean> put(String key, String text, boolean overwrite);

  /** Removes a key. */
  CompletableFuture<Void> delete(String key);

  /** The keys in the internal key-value store of a cluster's GCS. */
  static LeaseStore in(Gcs gcs) {
    String namespace = "seedcore";
    return new LeaseStore() {
      @Override
      public CompletableFuture<List<String>> keys(String prefix) {
        return gcs.keys(namespace, prefix);
      }

      @Override
      public CompletableFuture<Optional<String>> get(String key) {
        return gcs.get(namespace, key);
      }

      @Override
      public CompletableFuture<Boolean> put(String key, String text, boolean overwrite) {
        return gcs.put(namespace, key, text.getBytes(StandardCharsets.UTF_8), overwrite);
      }

      @Override
      public CompletableFuture<Void> delete(String key) {
        return gcs.delete(namespace, key);
      }
    };
  }
}
