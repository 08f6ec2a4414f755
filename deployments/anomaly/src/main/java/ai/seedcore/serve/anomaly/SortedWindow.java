package ai.seedcore.serve.anomaly;

/** The last values that were added, sorted. Adding a value and finding a quantile are fast. */
final class SortedWindow {

  private final double[] ring;
  private final double[] sorted;
  private int size;
  private long added;

  /**
   * Creates an empty window.
   *
   * @param capacity the number of values from which on each new value replaces the oldest one
   */
  SortedWindow(int capacity) {
    ring = new double[capacity];
    sorted = new double[capacity];
  }

  int size() {
    return size;
  }

  /** Returns the value with a rank; 0 is the rank of the smallest value. */
  double get(int rank) {
    return sorted[rank];
  }

  /** Adds a value, which must not be NaN. */
  void add(double value) {
    int slot = (int) (added++ % ring.length);
    if (size == ring.length) {
      int old = below(ring[slot]);
      System.arraycopy(sorted, old + 1, sorted, old, size - old - 1);
      size--;
    }
    ring[slot] = value;
    int rank = below(value);
    System.arraycopy(sorted, rank, sorted, rank + 1, size - rank);
    sorted[rank] = value;
    size++;
  }

  void clear() {
    size = 0;
    added = 0;
  }

  /** Returns the number of values below a value. */
  int below(double value) {
    int low = 0;
    int high = size;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  double median() {
    return 0.5 * sorted[size / 2] + 0.5 * sorted[(size - 1) / 2];
  }

  /** Returns the value that is exceeded by all but a share of the values. */
  double quantile(double share) {
    return sorted[Math.min(size - 1, (int) (share * size))];
  }

  /** Returns the distance from a center that is exceeded by all but a share of the values. */
  double distance(double center, double share) {
    int count = Math.min(size - 1, (int) (share * size)) + 1;
    // The closest values are neighbours: finds the first of them.
    int low = 0;
    int high = size - count;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (center - sorted[middle] > sorted[middle + count] - center) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return Math.max(center - sorted[low], sorted[low + count - 1] - center);
  }
}
