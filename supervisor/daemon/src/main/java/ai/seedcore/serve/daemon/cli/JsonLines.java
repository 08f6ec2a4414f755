package ai.seedcore.serve.daemon.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import org.slf4j.event.KeyValuePair;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes one JSON object per line, with all keys at the top level. Logback's own encoder writes the
 * key-value pairs as a list of objects, which log stores cannot search.
 */
final class JsonLines extends LineEncoder {

  @Override
  public byte[] encode(ILoggingEvent event) {
    ObjectNode line = JsonMapper.shared().createObjectNode();
    line.put("time", event.getInstant().toString());
    line.put("level", event.getLevel().toString().toLowerCase(Locale.ROOT));
    line.put("message", event.getFormattedMessage());
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    for (KeyValuePair pair : pairs == null ? List.<KeyValuePair>of() : pairs) {
      if (pair.value instanceof Number || pair.value instanceof List) {
        line.putPOJO(pair.key, pair.value);
      } else {
        line.put(pair.key, String.valueOf(pair.value));
      }
    }
    if (event.getThrowableProxy() != null) {
      line.put("error", ThrowableProxyUtil.asString(event.getThrowableProxy()));
    }
    return (line + "\n").getBytes(StandardCharsets.UTF_8);
  }
}
