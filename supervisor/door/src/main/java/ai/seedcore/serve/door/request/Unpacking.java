package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.client.Client;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decompresses bodies on one thread outside of the event loop. Clients take turns of a few
 * milliseconds each, so that a costly body does not delay those of others.
 */
public final class Unpacking {

  /** Receives a decompressed body, on the event loop. */
  interface Receiver {

    /** Reports how many more bytes there are. Returns whether to continue. */
    boolean progressed(int bytes);

    /** Receives the complete body. */
    void completed(Buffer whole);

    /** Reports that the body cannot be decompressed. */
    void failed(Throwable error);
  }

  private final WorkerExecutor worker;

  /** The queued bodies of each client, in the order of their turns. */
  private final Map<Client, Deque<Job>> turns = new LinkedHashMap<>();

  private @Nullable Job running;

  /** Starts the thread. */
  public Unpacking(Vertx vertx) {
    worker = vertx.createSharedWorkerExecutor("unpacking", 1);
  }

  /** A body that is being decompressed, or queued for it. */
  final class Job {
    private final Client client;
    private final Body compressed;
    private final Inflation inflation;
    private final Receiver receiver;
    private boolean cancelled;

    private Job(Client client, Body compressed, Inflation inflation, Receiver receiver) {
      this.client = client;
      this.compressed = compressed;
      this.inflation = inflation;
      this.receiver = receiver;
      compressed.retain();
    }

    /** Queues the job. It may be done before this method returns. */
    void begin() {
      turns.computeIfAbsent(client, c -> new ArrayDeque<>()).addLast(this);
      next();
    }

    /** Cancels the job. The receiver gets no further calls. */
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
      compressed.release();
    }
  }

  /** Returns a job that decompresses a body once it is begun. */
  Job job(Client client, String coding, Body compressed, int maxBytes, Receiver receiver) {
    return new Job(client, compressed, new Inflation(coding, compressed, maxBytes), receiver);
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
      turns.put(job.client, waiting); // Behind all other clients.
    }
    running = job;
    int before = job.inflation.size();
    worker
        .executeBlocking(job.inflation::step, false)
        .onComplete(
            step -> {
              running = null;
              stepDone(
                  job,
                  job.inflation.size() - before,
                  step.cause(),
                  step.succeeded() && step.result());
              next();
            });
  }

  private void stepDone(Job job, int more, @Nullable Throwable error, boolean done) {
    boolean ends = job.cancelled || error != null || !job.receiver.progressed(more) || done;
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
      job.receiver.completed(whole);
    }
  }
}
