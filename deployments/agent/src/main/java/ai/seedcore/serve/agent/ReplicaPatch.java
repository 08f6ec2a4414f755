package ai.seedcore.serve.agent;

import java.util.HashSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Mends three of Ray's Java classes, byte code in, byte code out.
 *
 * <ul>
 *   <li>{@code RayServeWrappedReplica}: Serve's HTTP proxy calls {@code pushProxyHandle} and {@code
 *       getNumOngoingRequests} on every replica. Ray 2.9 to 2.60 has neither in Java, and the
 *       missing method aborts the replica's JVM. Both are added, unless the class has them.
 *   <li>{@code RayServeReplicaImpl.handleRequest}: the count of ongoing requests is not taken back
 *       when the call throws, so that a replica gets no more traffic after {@code
 *       max_ongoing_requests} errors. The call is wrapped so that it is. Its result, where the
 *       caller is Python, is made a {@link JsonReply}; and what is logged meanwhile bears the
 *       request's id, see {@link RequestLog}.
 *   <li>{@code MessagePackSerializer.pack}: writes a map or a list in a form that Python cannot
 *       read, so that the proxy answers 500. A {@link JsonReply} is written as Python reads it.
 * </ul>
 */
final class ReplicaPatch {

  static final String WRAPPER = "io/ray/serve/replica/RayServeWrappedReplica";
  static final String REPLICA = "io/ray/serve/replica/RayServeReplicaImpl";
  static final String SERIALIZER = "io/ray/runtime/serializer/MessagePackSerializer";

  private static final String METADATA = "io/ray/serve/generated/RequestMetadata";
  private static final String JSON_REPLY = JsonReply.class.getName().replace('.', '/');
  private static final String REQUEST_LOG = RequestLog.class.getName().replace('.', '/');

  private static final int API = Opcodes.ASM9;

  private ReplicaPatch() {}

  /**
   * Whether the class is one that this patch mends.
   *
   * @param name the class's internal name, with slashes
   */
  static boolean applies(String name) {
    return name.equals(WRAPPER) || name.equals(REPLICA) || name.equals(SERIALIZER);
  }

  /** The mended class file. */
  static byte[] apply(String name, byte[] classFile) {
    ClassReader reader = new ClassReader(classFile);
    ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
    ClassVisitor patch =
        switch (name) {
          case WRAPPER -> new AddMethods(writer);
          case REPLICA -> new InMethod(writer, "handleRequest", CatchInvoke::new);
          case SERIALIZER -> new InMethod(writer, "pack", PackReply::new);
          default -> throw new IllegalArgumentException(name);
        };
    reader.accept(patch, ClassReader.EXPAND_FRAMES);
    return writer.toByteArray();
  }

  private static final class AddMethods extends ClassVisitor {
    private final Set<String> present = new HashSet<>();

    AddMethods(ClassVisitor next) {
      super(API, next);
    }

    @Override
    public MethodVisitor visitMethod(
        int access,
        String name,
        String descriptor,
        @Nullable String signature,
        String @Nullable [] exceptions) {
      present.add(name);
      return super.visitMethod(access, name, descriptor, signature, exceptions);
    }

    @Override
    public void visitEnd() {
      if (!present.contains("pushProxyHandle")) {
        pushProxyHandle();
      }
      if (!present.contains("getNumOngoingRequests")) {
        getNumOngoingRequests();
      }
      super.visitEnd();
    }

    /** {@code public Object pushProxyHandle(Object handle) { return null; }} */
    private void pushProxyHandle() {
      MethodVisitor code =
          super.visitMethod(
              Opcodes.ACC_PUBLIC,
              "pushProxyHandle",
              "(Ljava/lang/Object;)Ljava/lang/Object;",
              null,
              null);
      code.visitCode();
      code.visitInsn(Opcodes.ACONST_NULL);
      code.visitInsn(Opcodes.ARETURN);
      code.visitMaxs(0, 0);
      code.visitEnd();
    }

    /** {@code public Object getNumOngoingRequests() { return replica.getNumOngoingRequests(); }} */
    private void getNumOngoingRequests() {
      MethodVisitor code =
          super.visitMethod(
              Opcodes.ACC_PUBLIC, "getNumOngoingRequests", "()Ljava/lang/Object;", null, null);
      code.visitCode();
      code.visitVarInsn(Opcodes.ALOAD, 0);
      code.visitFieldInsn(Opcodes.GETFIELD, WRAPPER, "replica", "L" + REPLICA + ";");
      code.visitMethodInsn(Opcodes.INVOKEVIRTUAL, REPLICA, "getNumOngoingRequests", "()I", false);
      code.visitMethodInsn(
          Opcodes.INVOKESTATIC, "java/lang/Integer", "valueOf", "(I)Ljava/lang/Integer;", false);
      code.visitInsn(Opcodes.ARETURN);
      code.visitMaxs(0, 0);
      code.visitEnd();
    }
  }

  /** Changes the code of one method. */
  private static final class InMethod extends ClassVisitor {
    private final String method;
    private final UnaryOperator<MethodVisitor> change;

    InMethod(ClassVisitor next, String method, UnaryOperator<MethodVisitor> change) {
      super(API, next);
      this.method = method;
      this.change = change;
    }

    @Override
    public MethodVisitor visitMethod(
        int access,
        String name,
        String descriptor,
        @Nullable String signature,
        String @Nullable [] exceptions) {
      MethodVisitor next = super.visitMethod(access, name, descriptor, signature, exceptions);
      return name.equals(method) && (access & Opcodes.ACC_BRIDGE) == 0 ? change.apply(next) : next;
    }
  }

  /** Begins the method with {@code if (JsonReply.pack(object, packer)) return;}. */
  private static final class PackReply extends MethodVisitor {
    PackReply(MethodVisitor next) {
      super(API, next);
    }

    @Override
    public void visitCode() {
      super.visitCode();
      Label other = new Label();
      super.visitVarInsn(Opcodes.ALOAD, 0);
      super.visitVarInsn(Opcodes.ALOAD, 1);
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC,
          JSON_REPLY,
          "pack",
          "(Ljava/lang/Object;Lorg/msgpack/core/MessagePacker;)Z",
          false);
      super.visitJumpInsn(Opcodes.IFEQ, other);
      super.visitInsn(Opcodes.RETURN);
      super.visitLabel(other);
      super.visitFrame(
          Opcodes.F_NEW,
          3,
          new Object[] {
            "java/lang/Object", "org/msgpack/core/MessagePacker", SERIALIZER + "$JavaSerializer"
          },
          0,
          new Object[0]);
      // Two frames at one place are not allowed.
      super.visitInsn(Opcodes.NOP);
    }
  }

  /**
   * Puts a handler around {@code invokeSingle} that counts down and throws on; what the call
   * returns goes through {@link JsonReply#of}.
   */
  private static final class CatchInvoke extends MethodVisitor {
    private final Label start = new Label();
    private final Label end = new Label();
    private final Label handler = new Label();
    private boolean wrapped;

    CatchInvoke(MethodVisitor next) {
      super(API, next);
    }

    @Override
    public void visitMethodInsn(
        int opcode, String owner, String name, String descriptor, boolean isInterface) {
      if (wrapped || !owner.equals(REPLICA) || !name.equals("invokeSingle")) {
        super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
        return;
      }
      wrapped = true;
      super.visitTryCatchBlock(start, end, handler, null);
      super.visitLabel(start);
      requestId();
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC, REQUEST_LOG, "enter", "(Ljava/lang/String;)V", false);
      super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
      super.visitMethodInsn(Opcodes.INVOKESTATIC, REQUEST_LOG, "leave", "()V", false);
      requestId();
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC,
          JSON_REPLY,
          "of",
          "(Ljava/lang/Object;Ljava/lang/String;)Ljava/lang/Object;",
          false);
      super.visitLabel(end);
    }

    private void requestId() {
      super.visitVarInsn(Opcodes.ALOAD, 1);
      super.visitTypeInsn(Opcodes.CHECKCAST, METADATA);
      super.visitMethodInsn(
          Opcodes.INVOKEVIRTUAL, METADATA, "getRequestId", "()Ljava/lang/String;", false);
    }

    @Override
    public void visitMaxs(int maxStack, int maxLocals) {
      if (wrapped) {
        super.visitLabel(handler);
        super.visitFrame(
            Opcodes.F_NEW, 1, new Object[] {REPLICA}, 1, new Object[] {"java/lang/Throwable"});
        super.visitMethodInsn(Opcodes.INVOKESTATIC, REQUEST_LOG, "leave", "()V", false);
        super.visitVarInsn(Opcodes.ALOAD, 0);
        super.visitFieldInsn(
            Opcodes.GETFIELD,
            REPLICA,
            "numOngoingRequests",
            "Ljava/util/concurrent/atomic/AtomicInteger;");
        super.visitMethodInsn(
            Opcodes.INVOKEVIRTUAL,
            "java/util/concurrent/atomic/AtomicInteger",
            "decrementAndGet",
            "()I",
            false);
        super.visitInsn(Opcodes.POP);
        super.visitInsn(Opcodes.ATHROW);
      }
      super.visitMaxs(maxStack, maxLocals);
    }
  }
}
