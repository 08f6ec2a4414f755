package io.ray.runtime.serializer;

import java.io.IOException;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePacker;

/** Stand-in for Ray's class of this name, with the parts that the agent uses. */
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
