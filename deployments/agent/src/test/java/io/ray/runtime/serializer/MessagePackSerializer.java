package io.ray.runtime.serializer;

import java.io.IOException;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePacker;

/**
 * As Ray's class of this name, as far as the agent touches it: knows text, and nothing composed.
 */
public class MessagePackSerializer {

  interface JavaSerializer {
    void serialize(Object object, MessagePacker packer) throws IOException;
  }

  public static byte[] encode(Object object) throws IOException {
    try (MessageBufferPacker packer = MessagePack.newDefaultBufferPacker()) {
      pack(object, packer, (value, out) -> out.packString("java:" + value.getClass().getName()));
      return packer.toByteArray();
    }
  }

  private static void pack(Object object, MessagePacker packer, JavaSerializer javaSerializer)
      throws IOException {
    while (!(object instanceof String text)) {
      javaSerializer.serialize(object, packer);
      return;
    }
    packer.packString(text);
  }
}
