package ai.seedcore.serve.door.request;

import ai.seedcore.serve.door.DoorSettings;
import ai.seedcore.serve.door.DoorTokens;
import ai.seedcore.serve.door.client.Clients;
import ai.seedcore.serve.door.client.Pace;
import ai.seedcore.serve.door.client.Room;
import ai.seedcore.serve.door.upstream.Upstreams;
import io.opentelemetry.api.trace.Tracer;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What all exchanges share.
 *
 * @param http the client for upstream requests
 * @param bytes the budget for bytes of requests and of unread responses
 * @param waiting the budget for queued requests
 * @param via the door's own entry of the Via field
 * @param cors what pages of other origins may do
 * @param mirror copies requests for versions on trial
 * @param tracer creates the spans of requests; null: they are not traced
 * @param tokens the tokens of which clients have to send one, which is not forwarded
 */
public record Services(
    DoorSettings settings,
    Vertx vertx,
    HttpClient http,
    Upstreams upstreams,
    Clients clients,
    Unpacking unpacking,
    Pace pace,
    Room bytes,
    Room waiting,
    Counts counts,
    Refusals refusals,
    String via,
    Cors cors,
    Mirror mirror,
    @Nullable Tracer tracer,
    Supplier<DoorTokens> tokens) {}
