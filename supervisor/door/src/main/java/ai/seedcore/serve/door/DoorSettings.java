package ai.seedcore.serve.door;

import ai.seedcore.serve.base.HostPort;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The settings of the front door.
 *
 * @param address the address to listen on
 * @param requests how many requests may be queued
 * @param bytes how many bytes of requests may be in memory, queued or in flight
 * @param patience how long a request may be queued
 * @param bodyBytes the largest body, in bytes
 * @param connections the largest number of client connections
 * @param idle how long a connection may be without any byte of a request
 * @param header how long the head of a request may take from its first byte on
 * @param trusted networks of trusted proxies in front of the door, which report the client's
 *     address
 * @param origins origins whose pages may use the routes from a browser; none: the classes decide
 * @param contractCodes whether a deployment's refusal keeps its status 200, as without the door
 * @param http2 whether clients may use HTTP/2
 * @param certificate the certificate, as a PEM file; null: no TLS
 * @param key the private key of the certificate
 */
public record DoorSettings(
    HostPort address,
    int requests,
    long bytes,
    Duration patience,
    int bodyBytes,
    int connections,
    Duration idle,
    Duration header,
    List<String> trusted,
    List<String> origins,
    boolean contractCodes,
    boolean http2,
    @Nullable Path certificate,
    @Nullable Path key) {}
