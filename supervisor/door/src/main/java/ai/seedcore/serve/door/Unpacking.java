package ai.seedcore.serve.door;

import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decompresses bodies beside the event loop, on one thread. Clients take turns, a few milliseconds
 * each, so that what is costly of one does not keep others waiting.
 */
final class Unpacking {

  /** Who wants a body decompressed; told of it on the event loop. */
  interface Receiver {

    /** There are so many bytes more; says whether to go on. */
    boolean grows(int bytes);

    /** There is no more. */
    void unpacked(Buffer whole);

    /** It cannot be decompressed. */
    void failed(Throwable error);
  }

  private final WorkerExecutor worker;

  /** The bodies of each client; whose turn it is comes first. */
  private final Map<Client, Deque<Job>> turns = new LinkedHashMap<>();

  private @Nullable Job running;

  Unpacking(Vertx vertx) {
    worker = vertx.createSharedWorkerExecutor("unpacking", 1);
  }

  /** A body that is being decompressed, or is to be. */
  final class Job {
    private final Client client;
    private final Body packed;
    private final Inflation inflation;
    private final Receiver receiver;
    private boolean cancelled;

    private Job(Client client, Body packed, Inflation inflation, Receiver receiver) {
      this.client = client;
      this.packed = packed;
      this.inflation = inflation;
      this.receiver = receiver;
      packed.retain();
    }

    /** Waits for its turn. It may be done before this returns. */
    void begin() {
      turns.computeIfAbsent(client, c -> new ArrayDeque<>()).addLast(this);
      next();
    }

    /** Nobody wants it any more. */
    void cancel() {
      if (!cancelled) {
        cancelled = true;
        Deque<Job> waiting = turns.get(client);
        if (waiting != null && waiting.remove(this)) {
          if (waiting.isEmpty()) {
            turns.remove(client);
          }
          close();
        }
      }
    }

    private void close() {
      inflation.close();
      packed.release();
    }
  }

  /** A body that is to be decompressed. */
  Job job(Client client, String coding, Body packed, int most, Receiver receiver) {
    return new Job(client, packed, new Inflation(coding, packed, most), receiver);
  }

  private void next() {
    if (running != null || turns.isEmpty()) {
      return;
    }
    Map.Entry<Client, Deque<Job>> turn = turns.entrySet().iterator().next();
    Deque<Job> waiting = turn.getValue();
    Job job = waiting.removeFirst();
    turns.remove(job.client);
    if (!waiting.isEmpty()) {
      turns.put(job.client, waiting); // Behind all others.
    }
    running = job;
    int before = job.inflation.size();
    worker
        .executeBlocking(job.inflation::step, false)
        .onComplete(
            step -> {
              running = null;
              took(
                  job,
                  job.inflation.size() - before,
                  step.cause(),
                  step.succeeded() && step.result());
              next();
            });
  }

  private void took(Job job, int more, @Nullable Throwable error, boolean done) {
    boolean ends = job.cancelled || error != null || !job.receiver.grows(more) || done;
    if (!ends) {
      turns.computeIfAbsent(job.client, c -> new ArrayDeque<>()).addFirst(job);
      return;
    }
    Buffer whole = done ? Buffer.buffer(job.inflation.bytes()) : null;
    job.close();
    if (job.cancelled) {
      return;
    }
    if (error != null) {
      job.receiver.failed(error);
    } else if (whole != null) {
      job.receiver.unpacked(whole);
    }
  }
}
