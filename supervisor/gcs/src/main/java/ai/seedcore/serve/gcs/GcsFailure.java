package ai.seedcore.serve.gcs;

import io.grpc.Status;
import io.grpc.StatusException;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** A failed call of the GCS, and the words for it. */
public final class GcsFailure extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Creates a failure with a {@link #reason}. */
  GcsFailure(String reason) {
    super(reason);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  /** Describes a failure in words that follow the name of the GCS in a sentence. */
  public static String reason(Throwable error) {
    Throwable cause = cause(error);
    if (cause instanceof GcsFailure failure) {
      return failure.getMessage();
    }
    if (!(cause instanceof StatusException failed)) {
      return "cannot be queried: is its address right?";
    }
    String chain = chain(failed);
    if (failed.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED) {
      return "does not answer in time";
    } else if (chain.contains("CertificateExpired")) {
      return "has an expired certificate";
    } else if (chain.contains("SSLPeerUnverified")) {
      return "has a certificate that is not for its address";
    } else if (chain.contains("CertPath")) {
      return "has a certificate that RAY_TLS_CA_CERT did not sign";
    } else if (chain.contains("SSL")) {
      return "does not speak TLS as expected: does the cluster use it, with these certificates?"
          + " RAY_USE_TLS is on here";
    } else if (chain.contains("UnknownHost") || chain.contains("Unable to resolve host")) {
      return "has a name that does not resolve";
    } else if (chain.contains("Connection refused")) {
      return "refuses the connection";
    } else if (chain.contains("End of stream")) {
      return "closes the connection; if the cluster uses TLS, set RAY_USE_TLS and its certificates";
    } else if (failed.getStatus().getCode() == Status.Code.UNAVAILABLE) {
      return "cannot be reached";
    }
    return "answers, but is not a Ray GCS: is another program on its port?";
  }

  /** Returns whether a healthy server answered the failed call, so that the connection stays. */
  static boolean answered(Throwable error) {
    return cause(error) instanceof StatusException failed
        && failed.getStatus().getCode() == Status.Code.UNIMPLEMENTED;
  }

  /** Returns whether the deadline passed without an answer, which may be a network problem. */
  public static boolean silent(Throwable error) {
    Throwable cause = cause(error);
    return cause instanceof StatusException failed
        && failed.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED;
  }

  private static Throwable cause(Throwable error) {
    Throwable cause = error;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** Returns an exception and its causes, one per line. */
  private static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable e = error; e != null; e = e.getCause()) {
      text.append(e).append('\n');
    }
    return text.toString();
  }

  /** Returns the code of gRPC; null if the failure has none. */
  static Status.@Nullable Code code(Throwable error) {
    return cause(error) instanceof StatusException failed ? failed.getStatus().getCode() : null;
  }
}
