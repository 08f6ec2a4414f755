package ai.seedcore.serve.agent.direct;

import ai.seedcore.serve.agent.Requests;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.EntityDetails;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.impl.BasicEntityDetails;
import org.apache.hc.core5.http.message.BasicHttpResponse;
import org.apache.hc.core5.http.nio.AsyncServerExchangeHandler;
import org.apache.hc.core5.http.nio.CapacityChannel;
import org.apache.hc.core5.http.nio.DataStreamChannel;
import org.apache.hc.core5.http.nio.ResponseChannel;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.jspecify.annotations.Nullable;

/**
 * One request, from its head to the end of its response. The I/O thread reads and writes it; a
 * worker thread executes it.
 */
final class Exchange implements AsyncServerExchangeHandler {

  /** Says in a response why the request was not executed. A deployment cannot set this field. */
  static final String NOT_EXECUTED = "X-SeedCore-Not-Executed";

  /** Proves that a request comes from the front door. */
  static final String CREDENTIAL = "X-SeedCore-Door";

  private static final String IDENTITY = "/-/seedcore?";
  private static final String HEALTH = "/-/healthz";
  private static final String REQUEST_ID = "X-Request-ID";

  /** The largest body, in bytes: the largest that a front door may permit. */
  private static final int MAX_BODY = 1 << 30;

  private static final int FIRST_BODY = 64 << 10;

  private final Replica replica;
  private final Executor workers;
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

  Exchange(Replica replica, Executor workers, BooleanSupplier draining, Supplier<String> address) {
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
      try {
        String id = field(head, REQUEST_ID);
        workers.execute(() -> execute(id == null ? UUID.randomUUID().toString() : id, input(head)));
      } catch (RuntimeException | Error e) { // There is no memory for another thread.
        Requests.cancel();
        executed();
        send(Reply.refused(503, "overloaded"));
      }
    }
  }

  /**
   * Returns what the class receives: the body or, like from Serve's proxy, the value of a query
   * without a body.
   */
  private String input(HttpRequest head) {
    if (length > 0) {
      return new String(body, 0, length, StandardCharsets.UTF_8);
    }
    String path = head.getPath();
    int query = path.indexOf('?');
    int value = query < 0 ? -1 : path.indexOf('=', query);
    return value < 0 ? "" : path.substring(value + 1);
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

  private void execute(String id, String input) {
    Reply reply;
    try {
      reply = replica.execute(id, input);
    } catch (Throwable e) { // There is not even memory for the error reply.
      reply = Reply.LAST_RESORT;
    }
    executed();
    boolean unused = Thread.interrupted(); // Left by the class, it would close the connection.
    try {
      send(reply);
    } catch (HttpException | IOException | RuntimeException e) {
      over(); // The connection is broken, and the front door knows.
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
    unsent = reply.body();
    channel.sendResponse(
        head,
        new BasicEntityDetails(reply.body().remaining(), ContentType.parse(reply.type())),
        context);
  }

  @Override
  public int available() {
    ByteBuffer rest = unsent;
    return rest == null ? 0 : Math.max(1, rest.remaining()); // Even an empty body has an end.
  }

  /**
   * Writes the body. A worker thread, which sends the response, and the I/O thread may want to do
   * so at the same time. HttpCore holds no lock meanwhile.
   */
  @Override
  public synchronized void produce(DataStreamChannel channel) throws IOException {
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
    over();
  }
}
