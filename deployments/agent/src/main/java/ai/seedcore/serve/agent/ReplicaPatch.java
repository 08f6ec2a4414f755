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
 * Completes three of Ray's Java classes, byte code in, byte code out.
 *
 * <ul>
 *   <li>{@code RayServeWrappedReplica}: Serve's HTTP proxy calls {@code pushProxyHandle} and {@code
 *       getNumOngoingRequests} on every replica, and its controller {@code
 *       performGracefulShutdown}. Ray 2.9 to 2.60 has none of them in Java, and a missing method
 *       aborts the replica's JVM. They are added, unless the class has them. {@code checkHealth}
 *       returns false where a class is not well, which the controller takes for well: it throws
 *       instead.
 *   <li>{@code RayServeReplicaImpl.handleRequest}: the count of ongoing requests is not taken back
 *       when the call throws, so that a replica gets no more traffic after {@code
 *       max_ongoing_requests} errors. The call is wrapped so that it is. All else that surrounds a
 *       request is in {@link Requests}, which {@code reconfigure} tells how many may run at a time.
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
  private static final String REQUESTS = Requests.class.getName().replace('.', '/');
  private static final String HEALTH = Health.class.getName().replace('.', '/');
  private static final String CONFIG = "io/ray/serve/config/DeploymentConfig";

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
          case WRAPPER -> new AddMethods(new InMethod(writer, "checkHealth", ThrowUnwell::new));
          case REPLICA ->
              new InMethod(
                  new InMethod(writer, "handleRequest", WrapInvoke::new),
                  "reconfigure",
                  TellLimit::new);
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

  /** Puts {@link Health#require} behind the call of {@code replica.checkHealth()}. */
  private static final class ThrowUnwell extends MethodVisitor {
    ThrowUnwell(MethodVisitor next) {
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

  /** Calls {@link Requests#limit} wherever {@code reconfigure} returns. */
  private static final class TellLimit extends MethodVisitor {
    TellLimit(MethodVisitor next) {
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
      }
      super.visitInsn(opcode);
    }
  }

  /**
   * Puts {@link Requests#enter} before {@code invokeSingle}, {@link Requests#succeed} behind it,
   * and a handler around both that counts down and throws what {@link Requests#fail} returns.
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
      super.visitMethodInsn(
          Opcodes.INVOKESTATIC, REQUESTS, "enter", "(Ljava/lang/String;)V", false);
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
