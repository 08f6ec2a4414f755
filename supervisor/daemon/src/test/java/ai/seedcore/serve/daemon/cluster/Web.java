package ai.seedcore.serve.daemon.cluster;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A real HTTP client, as a user's. */
final class Web {

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(1))
          .build();

  private final String token;
  private final Duration patience;

  Web() {
    this("");
  }

  /** One that names a bearer token; empty: none. */
  Web(String token) {
    this(token, Duration.ofSeconds(20));
  }

  /** One that waits so long for the response to a POST. */
  Web(Duration patience) {
    this("", patience);
  }

  private Web(String token, Duration patience) {
    this.token = token;
    this.patience = patience;
  }

  HttpResponse<String> get(String url) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(5));
    if (!token.isEmpty()) {
      request.header("Authorization", "Bearer " + token);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> post(String url, String body) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(URI.create(url))
            .timeout(patience)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return send(request, HttpResponse.BodyHandlers.ofString());
  }

  <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> body)
      throws IOException, InterruptedException {
    return client.send(request, body);
  }

  /** The answer as JSON; something else where there is none. */
  JsonNode getOr(String url, String otherwise) {
    try {
      return JsonMapper.shared().readTree(get(url).body());
    } catch (IOException e) {
      return JsonMapper.shared().readTree(otherwise);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The status code; 0 where there is no answer. */
  int status(String url) {
    try {
      return get(url).statusCode();
    } catch (IOException e) {
      return 0;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether all three built-in routes answer. */
  boolean allAnswer(String base) {
    return status(base + "/SalienceScorer") == 200
        && status(base + "/AnomalyDetector") == 200
        && status(base + "/ScalingPredictor") == 200;
  }
}
