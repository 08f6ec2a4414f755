package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.Requests;
import ai.seedcore.serve.api.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.hc.core5.http.EntityDetails;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.Method;
import org.apache.hc.core5.http.impl.BasicEntityDetails;
import org.apache.hc.core5.http.message.BasicHttpResponse;
import org.apache.hc.core5.http.nio.AsyncServerExchangeHandler;
import org.apache.hc.core5.http.nio.CapacityChannel;
import org.apache.hc.core5.http.nio.DataStreamChannel;
import org.apache.hc.core5.http.nio.ResponseChannel;
import org.apache.hc.core5.http.nio.support.classic.SharedOutputBuffer;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.reactor.EventMask;
import org.apache.hc.core5.reactor.IOSession;
import org.jspecify.annotations.Nullable;

/**
 * One request, from its head to the end of its response. The I/O thread reads and writes it; a
 * worker thread executes it.
 */
final class Exchange implements AsyncServerExchangeHandler {

  /** Says in a response why the request was not executed. A deployment cannot set this field. */
  static final String NOT_EXECUTED = "X-SeedCore-Not-Executed";

  /** Says in a response that the deployment has chosen its status and header fields. */
  static final String CHOSEN = "X-SeedCore-Executed";

  /** Proves that a request comes from the front door. */
  static final String CREDENTIAL = "X-SeedCore-Door";

  private static final String IDENTITY = "/-/seedcore?";
  private static final String HEALTH = "/-/healthz";
  private static final String REQUEST_ID = "X-Request-ID";

  /** The largest body, in bytes: the largest that a front door may permit. */
  private static final int MAX_BODY = 1 << 30;

  private static final int FIRST_BODY = 64 << 10;

  /** How many bytes a class may write before the client reads them. */
  private static final int STREAM_BYTES = 32 << 10;

  private static final Set<Integer> WITHOUT_BODY = Set.of(204, 205, 304);

  private final Replica replica;
  private final Executor workers;
  private final IOSession session;
  private final BooleanSupplier draining;
  private final Supplier<String> address;

  private @Nullable HttpRequest request;
  private @Nullable ResponseChannel response;
  private @Nullable HttpContext context;
  private byte[] body = new byte[0];
  private int length;

  /** The response to a request that is not executed, which needs no body; null: execute it. */
  private @Nullable Reply refusal;

  private boolean counted;
  private boolean executed;

  /** Whether the response has been written, or nobody wants it any more. */
  private boolean over;

  /** The rest of the response's body; null before the response and once it has been written. */
  private volatile @Nullable ByteBuffer unsent;

  /** What the class has written and the client has not read; null unless it streams. */
  private volatile @Nullable SharedOutputBuffer stream;

  private volatile @Nullable DataStreamChannel outgoing;
  private volatile boolean gone;

  Exchange(
      Replica replica,
      Executor workers,
      IOSession session,
      BooleanSupplier draining,
      Supplier<String> address) {
    this.session = session;
    this.replica = replica;
    this.workers = workers;
    this.draining = draining;
    this.address = address;
  }

  @Override
  public void handleRequest(
      HttpRequest head,
      @Nullable EntityDetails entity,
      ResponseChannel channel,
      HttpContext httpContext)
      throws HttpException, IOException {
    request = head;
    response = channel;
    context = httpContext;
    refusal = refuse(head, entity == null ? 0 : entity.getContentLength());
    if (entity == null) {
      complete();
    } else if (refusal == null) {
      long announced = entity.getContentLength();
      body = new byte[(int) Math.min(announced < 0 ? FIRST_BODY : announced, FIRST_BODY)];
    }
  }

  private @Nullable Reply refuse(HttpRequest head, long length) {
    // A front door's request may be for the class, whatever its path.
    if (!replica.admits(field(head, CREDENTIAL))) {
      String path = head.getPath();
      if (path.startsWith(IDENTITY)) {
        String nonce = path.substring(IDENTITY.length());
        return replica.identify(nonce, address.get(), draining.getAsBoolean());
      } else if (path.equals(HEALTH)) {
        return draining.getAsBoolean() ? Reply.refused(503, "draining") : Reply.json(200, "{}");
      }
      return Reply.refused(403, "forbidden");
    } else if (draining.getAsBoolean()) {
      return Reply.refused(503, "draining");
    }
    return length > MAX_BODY ? Reply.refused(413, "too_large") : null;
  }

  @Override
  public void updateCapacity(CapacityChannel capacity) throws IOException {
    capacity.update(Integer.MAX_VALUE);
  }

  @Override
  public void consume(ByteBuffer part) {
    int more = part.remaining();
    if (refusal == null && length + more > MAX_BODY) {
      refusal = Reply.refused(413, "too_large");
      body = new byte[0];
    }
    if (refusal != null) {
      part.position(part.limit()); // Nobody needs it.
      return;
    }
    if (length + more > body.length) {
      body = Arrays.copyOf(body, Math.min(MAX_BODY, Math.max(2 * body.length, length + more)));
    }
    part.get(body, length, more);
    length += more;
  }

  @Override
  public void streamEnd(@Nullable List<? extends Header> trailers)
      throws HttpException, IOException {
    complete();
  }

  private void complete() throws HttpException, IOException {
    HttpRequest head = request;
    Reply refused = refusal;
    if (head == null) {
      return;
    } else if (refused != null) {
      send(refused);
    } else if (!Requests.admit()) {
      send(Reply.refused(503, "overloaded"));
    } else {
      begin();
      String given = field(head, REQUEST_ID);
      String id = given == null ? UUID.randomUUID().toString() : given;
      Request received = received(head);
      if (replica.isQuick(received)) {
        execute(id, received, Exchange::noStream); // Handing it over would take longer.
        return;
      }
      try {
        workers.execute(() -> execute(id, received, this::stream));
      } catch (RuntimeException | Error e) { // There is no memory for another thread.
        Requests.cancel();
        executed();
        send(Reply.refused(503, "overloaded"));
      }
    }
  }

  /** Returns what the front door received from its client. */
  private Request received(HttpRequest head) {
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (Header each : head.getHeaders()) {
      if (!each.getName().equalsIgnoreCase(CREDENTIAL)) {
        headers.computeIfAbsent(each.getName(), name -> new ArrayList<>(1)).add(each.getValue());
      }
    }
    byte[] bytes = length == body.length ? body : Arrays.copyOf(body, length);
    return new Request(head.getMethod(), head.getPath(), headers, bytes);
  }

  // The request counts as ongoing until it has been executed and its response has been written.

  private synchronized void begin() {
    counted = true;
    replica.begin();
  }

  private synchronized void executed() {
    executed = true;
    settle();
  }

  private synchronized void over() {
    over = true;
    settle();
  }

  private void settle() {
    if (counted && executed && over) {
      counted = false;
      replica.end();
    }
  }

  private static @Nullable String field(HttpRequest head, String name) {
    Header header = head.getFirstHeader(name);
    return header == null || header.getValue().isEmpty() ? null : header.getValue();
  }

  /** The thread that would write the stream is the one that sends it. */
  private static OutputStream noStream(Reply head) {
    throw new IllegalStateException("a request for which isQuick returns true cannot be streamed");
  }

  private void execute(String id, Request received, Replica.Streaming streaming) {
    Reply reply;
    try {
      reply = replica.execute(id, received, streaming);
    } catch (Replica.ClientGone e) {
      executed();
      return;
    } catch (IOException e) {
      executed();
      breakOff();
      return;
    } catch (Throwable e) { // There is not even memory for the error reply.
      reply = Reply.LAST_RESORT;
    }
    executed();
    boolean unused = Thread.interrupted(); // Left by the class, it would close the connection.
    if (reply == null) {
      return; // It has been streamed.
    }
    try {
      send(reply);
    } catch (Throwable e) { // The connection is broken, or there is no memory.
      breakOff();
    }
  }

  private void send(Reply reply) throws HttpException, IOException {
    ResponseChannel channel = response;
    if (channel == null || request == null) {
      return;
    }
    HttpResponse head = new BasicHttpResponse(reply.status());
    String id = field(request, REQUEST_ID);
    if (id != null) {
      head.addHeader(REQUEST_ID, id);
    }
    if (reply.refusal() != null) {
      head.addHeader(NOT_EXECUTED, reply.refusal());
    }
    if (reply.chosen()) {
      head.addHeader(CHOSEN, "1");
    }
    String type = reply.type();
    for (Map.Entry<String, List<String>> field : reply.headers().entrySet()) {
      for (String value : field.getValue()) {
        if (field.getKey().equalsIgnoreCase(HttpHeaders.CONTENT_TYPE)) {
          type = value;
        } else if (!field.getKey().equalsIgnoreCase(REQUEST_ID)) {
          head.addHeader(field.getKey(), value);
        }
      }
    }
    boolean without = WITHOUT_BODY.contains(reply.status());
    ByteBuffer whole = reply.body();
    if (!without) {
      // Written as it is: the type of a deployment need not be one that HttpCore can parse.
      head.addHeader(HttpHeaders.CONTENT_TYPE, type);
    }
    boolean headOnly = without || wantsHead();
    unsent = headOnly ? null : whole;
    channel.sendResponse(
        head,
        without ? null : new BasicEntityDetails(whole == null ? -1 : whole.remaining(), null),
        context);
    if (headOnly) {
      over();
      session.setEvent(EventMask.WRITE); // Has the I/O thread see that the response is complete.
    }
  }

  private boolean wantsHead() {
    return request != null && Method.HEAD.isSame(request.getMethod());
  }

  /** Sends the head of a response whose body the class writes. */
  private OutputStream stream(Reply head) throws IOException {
    SharedOutputBuffer buffer = new SharedOutputBuffer(STREAM_BYTES);
    stream = wantsHead() ? null : buffer;
    try {
      send(head);
    } catch (HttpException e) {
      throw new IOException(e);
    }
    if (stream == null || gone) { // Nobody reads what the class would write.
      buffer.abort();
      throw new Replica.ClientGone(null);
    }
    return new BodyStream(buffer);
  }

  /** The body that a class writes. HttpCore sends it as far as the client reads. */
  private final class BodyStream extends OutputStream {
    private final SharedOutputBuffer buffer;

    BodyStream(SharedOutputBuffer buffer) {
      this.buffer = buffer;
    }

    @Override
    public void write(int oneByte) throws IOException {
      write(new byte[] {(byte) oneByte}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      try {
        buffer.write(bytes, from, count);
      } catch (IOException e) {
        throw gone ? new Replica.ClientGone(e) : e;
      }
    }

    @Override
    public void flush() {
      DataStreamChannel to = outgoing;
      if (to != null) {
        to.requestOutput();
      }
    }

    @Override
    public void close() throws IOException {
      buffer.writeCompleted();
      flush();
    }
  }

  /**
   * Ends a connection in the middle of a response, which tells the client that it is incomplete.
   */
  private void breakOff() {
    session.close(CloseMode.IMMEDIATE);
    over(); // HttpCore 5.0 does not say so.
  }

  @Override
  public int available() {
    SharedOutputBuffer streamed = stream;
    if (streamed != null) {
      return streamed.length();
    }
    ByteBuffer rest = unsent;
    return rest == null ? 0 : Math.max(1, rest.remaining()); // Even an empty body has an end.
  }

  /**
   * Writes the body. A worker thread, which sends the response, and the I/O thread may want to do
   * so at the same time. HttpCore holds no lock meanwhile.
   */
  @Override
  public void produce(DataStreamChannel channel) throws IOException {
    outgoing = channel;
    SharedOutputBuffer streamed = stream;
    if (streamed != null) {
      streamed.flush(channel); // It has a lock of its own.
    } else {
      produceRest(channel);
    }
  }

  private synchronized void produceRest(DataStreamChannel channel) throws IOException {
    ByteBuffer rest = unsent;
    if (rest == null) {
      return;
    }
    if (rest.hasRemaining()) {
      channel.write(rest);
    }
    if (!rest.hasRemaining()) {
      unsent = null;
      channel.endStream(null);
      over();
    }
    channel.requestOutput(); // Has the I/O thread flush it, and see that the response is complete.
  }

  @Override
  public void failed(Exception cause) {
    releaseResources();
  }

  @Override
  public void releaseResources() {
    unsent = null;
    gone = true;
    SharedOutputBuffer streamed = stream;
    if (streamed != null) {
      streamed.abort(); // Wakes the class up if it waits for the client to read.
    }
    over();
  }
}
