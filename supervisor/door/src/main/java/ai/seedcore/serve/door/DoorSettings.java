package ai.seedcore.serve.door;

import ai.seedcore.serve.base.HostPort;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the front door is to be.
 *
 * @param address what it listens on
 * @param requests how many requests may wait
 * @param bytes how many bytes of requests may be kept, waiting or under way
 * @param patience how long a request may wait
 * @param bodyBytes how long a body may be
 * @param connections how many clients' connections there may be
 * @param trusted networks of proxies before the door, which say who the client is
 * @param contractCodes whether what a deployment refuses stays a 200, as it is without the door
 * @param certificate the certificate, as a PEM file; null: no TLS
 * @param key its key
 */
public record DoorSettings(
    HostPort address,
    int requests,
    long bytes,
    Duration patience,
    int bodyBytes,
    int connections,
    List<String> trusted,
    boolean contractCodes,
    @Nullable Path certificate,
    @Nullable Path key) {}
