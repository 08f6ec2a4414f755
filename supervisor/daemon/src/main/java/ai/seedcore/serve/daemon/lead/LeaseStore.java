package ai.seedcore.serve.daemon.lead;

import ai.seedcore.serve.gcs.Gcs;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The keys that the daemons of one cluster share. No call blocks. */
interface LeaseStore {

  /** Returns all keys with a prefix. */
  CompletableFuture<List<String>> keys(String prefix);

  /** Returns the value of a key; empty if there is no such key. */
  CompletableFuture<Optional<String>> get(String key);

  /**
   * Writes a key.
   *
   * @param overwrite whether to overwrite an existing key
   * @return whether the key is new; of several concurrent writers, exactly one gets true
   */
  CompletableFuture<Boolean> put(String key, String text, boolean overwrite);

  /** Deletes a key. */
  CompletableFuture<Void> delete(String key);

  /** Returns the store in the internal key-value store of a cluster's GCS. */
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
