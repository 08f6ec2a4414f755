package ai.seedcore.serve.api;

/** The type of a tensor's elements, as the Open Inference Protocol names it. */
public enum Datatype {
  /** True or false. */
  BOOL(1),
  /** Unsigned integers of 8 bits. */
  UINT8(1),
  /** Unsigned integers of 16 bits. */
  UINT16(2),
  /** Unsigned integers of 32 bits. */
  UINT32(4),
  /** Unsigned integers of 64 bits. */
  UINT64(8),
  /** Integers of 8 bits. */
  INT8(1),
  /** Integers of 16 bits. */
  INT16(2),
  /** Integers of 32 bits. */
  INT32(4),
  /** Integers of 64 bits. */
  INT64(8),
  /** Floating-point numbers of 32 bits. */
  FP32(4),
  /** Floating-point numbers of 64 bits. */
  FP64(8),
  /** Sequences of bytes, most often text in UTF-8. */
  BYTES(0);

  private final int size;

  Datatype(int size) {
    this.size = size;
  }

  /** Returns the size of an element, in bytes; 0 if elements differ in size. */
  public int size() {
    return size;
  }

  /** Returns whether the elements are floating-point numbers. */
  public boolean isFloat() {
    return this == FP32 || this == FP64;
  }

  /** Returns whether the elements are integers. */
  public boolean isInteger() {
    return isUnsigned() || (this.compareTo(INT8) >= 0 && this.compareTo(INT64) <= 0);
  }

  /** Returns whether the elements are integers without a sign. */
  public boolean isUnsigned() {
    return this.compareTo(UINT8) >= 0 && this.compareTo(UINT64) <= 0;
  }

  /** Returns whether this type represents every value of another one exactly. */
  public boolean holds(Datatype other) {
    if (this == other) {
      return true;
    } else if (isFloat()) {
      return other == FP32 ? this == FP64 : other.isInteger() && 2 * other.size <= size;
    }
    return isInteger()
        && other.isInteger()
        && other.size < size
        && (other.isUnsigned() || !isUnsigned());
  }
}
