package ai.seedcore.serve.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ai.seedcore.serve.door.OpenDoor.Bounds;
import ai.seedcore.serve.door.RawClient.Response;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the spans of requests, and what of a trace reaches the replicas. */
@Timeout(60)
class DoorTracingTest {

  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "00-" + TRACE + "-b7ad6b7169203331-01";

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final SdkTracerProvider tracing =
      SdkTracerProvider.builder()
          .setSampler(Sampler.parentBased(Sampler.alwaysOn()))
          .addSpanProcessor(SimpleSpanProcessor.create(spans))
          .build();
  private FakeProxy proxy;
  private FakeReplica replica;
  private OpenDoor door;

  @BeforeEach
  void open() throws Exception {
    proxy = new FakeProxy();
    replica = new FakeReplica("a1");
    replica.behaviour =
        request ->
            FakeReplica.respond(
                request,
                200,
                request.getHeader("traceparent") + " " + request.getHeader("tracestate"));
    open(true);
  }

  private void open(boolean traced) throws Exception {
    door = OpenDoor.before(proxy.uri(), Bounds.USUAL, traced ? tracing.get("test") : null);
    door.replicas(FakeReplica.KEY, List.of(replica.endpoint("A")));
    await().until(() -> door.status().replicas().stream().anyMatch(r -> r.state().equals("ready")));
  }

  @AfterEach
  void close() throws Exception {
    door.close();
    replica.close();
    proxy.close();
    tracing.close();
  }

  private Response get(String... fields) throws Exception {
    try (RawClient client = new RawClient(door.port)) {
      return client
          .send(
              "GET /A/x?y HTTP/1.1\r\nHost: x\r\n%s\r\n"
                  .formatted(String.join("", List.of(fields))))
          .read();
    }
  }

  private List<SpanData> named(String name) {
    return spans.getFinishedSpanItems().stream()
        .filter(span -> span.getName().equals(name))
        .toList();
  }

  private static Object of(SpanData span, String attribute) {
    return Objects.toString(
        span.getAttributes().asMap().entrySet().stream()
            .filter(each -> each.getKey().getKey().equals(attribute))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse(null));
  }

  @Test
  void continuesTheClientsTraceAndTheReplicaContinuesTheDoors() throws Exception {
    String told = get("traceparent: " + PARENT + "\r\n", "tracestate: a=b\r\n").body();
    await().until(() -> named("GET /A").size() == 1);
    SpanData whole = named("GET /A").get(0);
    SpanData sent = named("send").get(0);
    assertThat(whole.getKind()).isEqualTo(SpanKind.SERVER);
    assertThat(whole.getTraceId()).isEqualTo(TRACE);
    assertThat(whole.getParentSpanId()).isEqualTo("b7ad6b7169203331");
    assertThat(sent.getParentSpanId()).isEqualTo(whole.getSpanId());
    assertThat(told).isEqualTo("00-" + TRACE + "-" + sent.getSpanId() + "-01 a=b");
    assertThat(of(whole, "http.route")).isEqualTo("/A");
    assertThat(of(whole, "url.path")).isEqualTo("/A/x");
    assertThat(of(whole, "http.response.status_code")).isEqualTo("200");
    assertThat(of(sent, "seedcore.path")).isEqualTo("direct");
    await().until(() -> door.status().timings().get(0).latency().times() == 1);
    assertThat(door.status().timings().get(0).latency().exemplars())
        .filteredOn(Objects::nonNull)
        .singleElement()
        .matches(one -> one.trace().equals(TRACE) && one.span().equals(whole.getSpanId()));
  }

  @Test
  void tellsHowOftenARequestWasSentAndHowLongItWasHeld() throws Exception {
    proxy.behaviour = FakeProxy::closesConnection;
    replica.behaviour =
        request -> {
          FakeReplica.respond(request, 200, "again");
          if (replica.seen.size() == 1) {
            request.connection().close();
          }
        };
    assertThat(get().status()).isEqualTo(200);
    await().until(() -> named("GET /A").size() == 1);
    List<SpanData> sent = named("send");
    assertThat(sent).hasSizeGreaterThan(1);
    assertThat(sent.get(0).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
    SpanData last = sent.get(sent.size() - 1);
    assertThat(last.getAttributes().get(AttributeKey.longKey("http.request.resend_count")))
        .isEqualTo(sent.size() - 1);
    assertThat(named("hold")).isNotEmpty();
    assertThat(sent).allMatch(span -> span.getTraceId().equals(last.getTraceId()));
  }

  @Test
  void anErrorIsOneInTheTrace() throws Exception {
    replica.behaviour = request -> FakeReplica.respond(request, 500, "no");
    get();
    await().until(() -> named("GET /A").size() == 1);
    assertThat(named("GET /A").get(0).getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
  }

  @Test
  void recordsNothingOfWhatTheClientDoesNotWantRecorded() throws Exception {
    String told = get("traceparent: " + PARENT.replaceFirst("01$", "00") + "\r\n").body();
    assertThat(told).startsWith("00-" + TRACE).contains("-00 ");
    await().until(() -> door.status().timings().size() == 1);
    assertThat(spans.getFinishedSpanItems()).isEmpty();
    assertThat(door.status().timings().get(0).latency().exemplars()).containsOnlyNulls();
  }

  @Test
  void anInvalidParentBeginsANewTrace() throws Exception {
    String told = get("traceparent: 00-zz-1-01\r\n").body();
    await().until(() -> named("GET /A").size() == 1);
    assertThat(told).startsWith("00-" + named("GET /A").get(0).getTraceId());
  }

  @Test
  void withoutTracingTheClientsContextPassesUnchanged() throws Exception {
    door.close();
    open(false);
    assertThat(get("traceparent: " + PARENT + "\r\n", "tracestate: a=b\r\n").body())
        .isEqualTo(PARENT + " a=b");
    assertThat(spans.getFinishedSpanItems()).isEmpty();
  }
}
