package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.Histogram;
import ai.seedcore.serve.door.Route;
import ai.seedcore.serve.door.upstream.Replica;
import ai.seedcore.serve.door.upstream.Upstream;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpServerRequest;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The spans of one request: the request itself, the time for which it was held, and each attempt to
 * send it. Names and attributes are those of OpenTelemetry's semantic conventions for HTTP, where
 * there are any.
 */
final class RequestTrace {

  private static final W3CTraceContextPropagator W3C = W3CTraceContextPropagator.getInstance();

  private static final TextMapGetter<MultiMap> HEADERS =
      new TextMapGetter<>() {
        @Override
        public @Nullable String get(@Nullable MultiMap headers, String name) {
          return headers == null ? null : headers.get(name);
        }
      };

  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH");

  private final Tracer tracer;
  private final Span whole;
  private final Context within;
  private @Nullable Span hold;
  private int attempts;

  private RequestTrace(Tracer tracer, HttpServerRequest request, Target target, Route route) {
    // A client may invent methods, of which there must not be a span each.
    String given = request.method().name();
    String method = METHODS.contains(given) ? given : "HTTP";
    this.tracer = tracer;
    this.whole =
        tracer
            .spanBuilder(method + " " + route.prefix())
            .setParent(W3C.extract(Context.root(), request.headers(), HEADERS))
            .setSpanKind(SpanKind.SERVER)
            .setAttribute("http.request.method", METHODS.contains(given) ? given : "_OTHER")
            .setAttribute("http.route", route.prefix())
            .setAttribute("url.path", target.path())
            .setAttribute("url.scheme", request.isSSL() ? "https" : "http")
            .setAttribute("seedcore.app", route.app())
            .startSpan();
    this.within = whole.storeInContext(Context.root());
  }

  /** Begins the trace of a request, or continues that of its client; null without a tracer. */
  static @Nullable RequestTrace begin(
      @Nullable Tracer tracer, HttpServerRequest request, Target target, Route route) {
    return tracer == null ? null : new RequestTrace(tracer, request, target, route);
  }

  /** Begins the time for which the request is held. */
  void held() {
    if (hold == null) {
      hold = tracer.spanBuilder("hold").setParent(within).startSpan();
    }
  }

  /** Ends the time for which the request was held, if it was. */
  void released() {
    if (hold != null) {
      hold.end();
      hold = null;
    }
  }

  /** Begins an attempt, whose span its owner ends. */
  Span attempt(Upstream to) {
    SpanBuilder builder =
        tracer
            .spanBuilder("send")
            .setParent(within)
            .setSpanKind(SpanKind.CLIENT)
            .setAttribute("server.address", to.named().host())
            .setAttribute("server.port", to.named().port())
            .setAttribute("seedcore.path", to instanceof Replica ? "direct" : "proxy");
    if (attempts > 0) {
      builder.setAttribute("http.request.resend_count", attempts);
    }
    attempts++;
    return builder.startSpan();
  }

  /** Writes the context of a span, which replaces the client's. */
  static void propagate(Span span, MultiMap headers) {
    headers.remove("tracestate"); // That of an invalid context must not be passed on.
    W3C.inject(span.storeInContext(Context.root()), headers, MultiMap::set);
  }

  /** Ends the trace. */
  void end(int status) {
    released();
    whole.setAttribute("http.response.status_code", status);
    if (status >= 500) {
      whole.setStatus(StatusCode.ERROR);
    }
    whole.end();
  }

  /** Makes the trace an exemplar of a duration that was recorded, if the trace is. */
  void remember(Histogram.Recorder latency, long nanos) {
    if (whole.getSpanContext().isSampled()) {
      latency.remember(
          whole.getSpanContext().getTraceId(), whole.getSpanContext().getSpanId(), nanos);
    }
  }
}
