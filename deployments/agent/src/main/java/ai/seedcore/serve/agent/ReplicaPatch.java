package ai.seedcore.serve.agent;

import ai.seedcore.serve.agent.direct.DirectPath;
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
 * Patches the byte code of three Ray classes.
 *
 * <ul>
 *   <li>{@code RayServeWrappedReplica}: Serve's HTTP proxy calls {@code pushProxyHandle} and {@code
 *       getNumOngoingRequests} on every replica, and its controller calls {@code
 *       performGracefulShutdown}. Ray 2.9 to 2.60 lacks these methods in Java, and a call of a
 *       missing method aborts the replica's JVM. The patch adds them unless the class has them.
 *       {@code checkHealth} returns false for an unhealthy replica, which the controller treats as
 *       healthy. The patched method throws instead.
 *   <li>{@code RayServeReplicaImpl.handleRequest}: when the call throws, Ray does not decrement the
 *       number of ongoing requests, so a replica gets no more traffic after {@code
 *       max_ongoing_requests} errors. The patch decrements it. {@link Requests} does everything
 *       else around a request; the patched {@code reconfigure} passes it the concurrency limit.
 *       {@link Health} opens the {@link DirectPath}, and the patched {@code prepareForShutdown}
 *       announces the end there.
 *   <li>{@code MessagePackSerializer.pack}: Ray writes maps and lists in a format that Python
 *       cannot read, so the proxy responds with status 500. The patch writes a {@link JsonReply} as
 *       MessagePack maps and arrays.
 * </ul>
 */
final class ReplicaPatch {

  static final String WRAPPER = "io/ray/serve/replica/RayServeWrappedReplica";
  static final String REPLICA = "io/ray/serve/replica/RayServeReplicaImpl";
  static final String SERIALIZER = "io/ray/runtime/serializer/MessagePackSerializer";

  private static final String METADATA = "io/ray/serve/generated/RequestMetadata";
  private static final String JSON_REPLY = JsonReply.class.getName().replace('.', '/');
  private static final String REQUESTS = Requests.class.getName().replace('.', '/');
  private static final String DIRECT_PATH = DirectPath.class.getName().replace('.', '/');
  private static final String HEALTH = Health.class.getName().replace('.', '/');
  private static final String CONFIG = "io/ray/serve/config/DeploymentConfig";

  /** The key in the request's context under which the patched proxy passes the head. */
  static final String HEAD = "seedcore_head";

  private static final int API = Opcodes.ASM9;

  private ReplicaPatch() {}

  /**
   * Returns whether this patch changes the class.
   *
   * @param name the class's internal name, with slashes
   */
  static boolean applies(String name) {
    return name.equals(WRAPPER) || name.equals(REPLICA) || name.equals(SERIALIZER);
  }

  /** Returns the patched class file. */
  static byte[] apply(String name, byte[] classFile) {
    ClassReader reader = new ClassReader(classFile);
    ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
    ClassVisitor patch =
        switch (name) {
          case WRAPPER ->
              new AddMethods(new PatchMethod(writer, "checkHealth", ThrowIfUnhealthy::new));
          case REPLICA ->
              new PatchMethod(
                  new PatchMethod(
                      new PatchMethod(writer, "handleRequest", WrapInvoke::new),
                      "reconfigure",
                      PassLimit::new),
                  "prepareForShutdown",
                  AnnounceEnd::new);
          case SERIALIZER -> new PatchMethod(writer, "pack", PackReply::new);
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
        delegate("getNumOngoingRequests", "getNumOngoingRequests", "I", "java/lang/Integer");
      }
      if (!present.contains("performGracefulShutdown")) {
        delegate("performGracefulShutdown", "prepareForShutdown", "Z", "java/lang/Boolean");
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

    /** {@code public Object name() { return replica.method(); }} */
    private void delegate(String name, String method, String type, String box) {
      MethodVisitor code =
          super.visitMethod(Opcodes.ACC_PUBLIC, name, "()Ljava/lang/Object;", null, null);
      code.visitCode();
      code.visitVarInsn(Opcodes.ALOAD, 0);
      code.visitFieldInsn(Opcodes.GETFIELD, WRAPPER, "replica", "L" + REPLICA + ";");
      code.visitMethodInsn(Opcodes.INVOKEVIRTUAL, REPLICA, method, "()" + type, false);
      code.visitMethodInsn(
          Opcodes.INVOKESTATIC, box, "valueOf", "(%s)L%s;".formatted(type, box), false);
      code.visitInsn(Opcodes.ARETURN);
      code.visitMaxs(0, 0);
      code.visitEnd();
    }
  }

  /** Applies a patch to the code of one method. */
  private static final class PatchMethod extends ClassVisitor {
    private final String method;
    private final UnaryOperator<MethodVisitor> patch;

    PatchMethod(ClassVisitor next, String method, UnaryOperator<MethodVisitor> patch) {
      super(API, next);
      this.method = method;
      this.patch = patch;
    }

    @Override
    public MethodVisitor visitMethod(
        int access,
        String name,
        String descriptor,
        @Nullable String signature,
        String @Nullable [] exceptions) {
      MethodVisitor next = super.visitMethod(access, name, descriptor, signature, exceptions);
      return name.equals(method) && (access & Opcodes.ACC_BRIDGE) == 0 ? patch.apply(next) : next;
    }
  }

  /** Inserts {@code if (JsonReply.pack(object, packer)) return;} at the start of the method. */
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
      // The next instruction may have a frame of its own; two frames at one offset are invalid.
      super.visitInsn(Opcodes.NOP);
    }
  }

  /** Inserts a call of {@link DirectPath#drain} at the start of the method. */
  private static final class AnnounceEnd extends MethodVisitor {
    AnnounceEnd(MethodVisitor next) {
      super(API, next);
    }

    @Override
    public void visitCode() {
      super.visitCode();
      super.visitMethodInsn(Opcodes.INVOKESTATIC, DIRECT_PATH, "drain", "()V", false);
    }
  }

  /** Inserts {@link Health#require} after the call of {@code replica.checkHealth()}. */
  private static final class ThrowIfUnhealthy extends MethodVisitor {
    ThrowIfUnhealthy(MethodVisitor next) {
      super(API, next);
    }

    @Override
    public void visitMethodInsn(
        int opcode, String owner, String name, String descriptor, boolean isInterface) {
      super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
      if (owner.equals(REPLICA) && name.equals("checkHealth")) {
        super.visitVarInsn(Opcodes.ALOAD, 0);
        super.visitFieldInsn(Opcodes.GETFIELD, WRAPPER, "replica", "L" + REPLICA + ";");
        super.visitMethodInsn(
            Opcodes.INVOKEVIRTUAL, REPLICA, "getCallable", "()Ljava/lang/Object;", false);
        super.visitMethodInsn(
            Opcodes.INVOKESTATIC, HEALTH, "require", "(ZLjava/lang/Object;)Z", false);
      }
    }
  }

  /**
   * Inserts calls of {@link Requests#limit} and {@link DirectPath#attach} before each return of
   * {@code reconfigure}, which Serve calls first when the replica is initialized.
   */
  private static final class PassLimit extends MethodVisitor {
    PassLimit(MethodVisitor next) {
      super(API, next);
    }

    @Override
    public void visitInsn(int opcode) {
      if (opcode == Opcodes.ARETURN) {
        super.visitVarInsn(Opcodes.ALOAD, 0);
        super.visitFieldInsn(Opcodes.GETFIELD, REPLICA, "config", "L" + CONFIG + ";");
        super.visitMethodInsn(
            Opcodes.INVOKEVIRTUAL, CONFIG, "getMaxOngoingRequests", "()Ljava/lang/Integer;", false);
        super.visitMethodInsn(
            Opcodes.INVOKESTATIC, REQUESTS, "limit", "(Ljava/lang/Integer;)V", false);
        super.visitVarInsn(Opcodes.ALOAD, 0);
        super.visitMethodInsn(
            Opcodes.INVOKESTATIC, DIRECT_PATH, "attach", "(Ljava/lang/Object;)V", false);
      }
      super.visitInsn(opcode);
    }
  }

  /**
   * Inserts {@link Requests#enter} before {@code invokeSingle} and {@link Requests#succeed} after
   * it. Adds an exception handler around both that decrements the number of ongoing requests and
   * throws the result of {@link Requests#fail}.
   */
  private static final class WrapInvoke extends MethodVisitor {
    private final Label start = new Label();
    private final Label end = new Label();
    private final Label handler = new Label();
    private boolean wrapped;

    WrapInvoke(MethodVisitor next) {
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
      super.visitVarInsn(Opcodes.ALOAD, 1);
      super.visitTypeInsn(Opcodes.CHECKCAST, METADATA);
      super.visitMethodInsn(
          Opcodes.INVOKEVIRTUAL, METADATA, "getRequestId", "()Ljava/lang/String;", false);
      super.visitVarInsn(Opcodes.ALOAD, 1);
      super.visitTypeInsn(Opcodes.CHECKCAST, METADATA);
      super.visitLdcInsn(HEAD);
      super.visitLdcInsn("");
      super.visitMethodInsn(
          Opcodes.INVOKEVIRTUAL,
          METADATA,
          "getContextOrDefault",
          "(Ljava/lang/String;Ljava/lang/String;)Ljava/lang/String;",
          false);
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC,
          REQUESTS,
          "enter",
          "(Ljava/lang/String;Ljava/lang/String;)V",
          false);
      super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC,
          REQUESTS,
          "succeed",
          "(Ljava/lang/Object;)Ljava/lang/Object;",
          false);
      super.visitLabel(end);
    }

    @Override
    public void visitMaxs(int maxStack, int maxLocals) {
      if (wrapped) {
        super.visitLabel(handler);
        super.visitFrame(
            Opcodes.F_NEW, 1, new Object[] {REPLICA}, 1, new Object[] {"java/lang/Throwable"});
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
        super.visitMethodInsn(
            Opcodes.INVOKESTATIC,
            REQUESTS,
            "fail",
            "(Ljava/lang/Throwable;)Ljava/lang/Throwable;",
            false);
        super.visitInsn(Opcodes.ATHROW);
      }
      super.visitMaxs(maxStack, maxLocals);
    }
  }
}
