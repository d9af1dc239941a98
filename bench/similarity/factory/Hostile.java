import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.FieldInsnNode;
import org.objectweb.asm.tree.FieldNode;
import org.objectweb.asm.tree.InsnList;
import org.objectweb.asm.tree.InsnNode;
import org.objectweb.asm.tree.IntInsnNode;
import org.objectweb.asm.tree.JumpInsnNode;
import org.objectweb.asm.tree.LabelNode;
import org.objectweb.asm.tree.LdcInsnNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.TypeInsnNode;
import org.objectweb.asm.tree.analysis.Analyzer;
import org.objectweb.asm.tree.analysis.AnalyzerException;
import org.objectweb.asm.tree.analysis.BasicInterpreter;
import org.objectweb.asm.tree.analysis.Frame;

/**
 * Rewrites a library as a hostile protector would: strings encrypted, junk code put in, control flow flattened. Names and
 * types stay, so that what a shrinker writes down afterwards is still the truth about the original.
 */
public class Hostile {
    /** Of the places between two statements, one in this many gets junk. */
    private static final int JUNK_EVERY = 4;
    /** A longer constant could outgrow the format when it is closed. */
    private static final int STRING_LETTERS_MAX = 20_000;
    /** Methods with more instructions would outgrow the format. */
    private static final int INSTRUCTIONS_MAX = 4_000;
    /** Newer class files must come with tables of types for every jump. */
    private static final int VERSION = Opcodes.V1_6;
    private static final String GUARD = "Guard";

    private final Random chance;
    private final String owner;

    private Hostile(String owner) {
        this.owner = owner;
        chance = new Random(owner.hashCode());
    }

    /** Rewrites a jar; `what` names the transformations: `strings`, `junk`, `flow`. */
    static void rewrite(Path from, Path to, List<String> what) throws IOException {
        int[] methods = new int[2];
        try (ZipFile old = new ZipFile(from.toFile());
                ZipOutputStream made = new ZipOutputStream(Files.newOutputStream(to))) {
            for (ZipEntry entry : old.stream().toList()) {
                try (InputStream stream = old.getInputStream(entry)) {
                    write(made, entry.getName(), rewritten(stream.readAllBytes(), what, methods));
                }
            }
            try (InputStream stream = Hostile.class.getResourceAsStream("/" + GUARD + ".class")) {
                write(made, GUARD + ".class", stream.readAllBytes());
            }
        }
        if (what.contains("flow")) {
            System.err.printf("%s: %d of %d methods with a choice flattened%n", from.getFileName(), methods[1], methods[0]);
        }
    }

    private static void write(ZipOutputStream jar, String name, byte[] bytes) throws IOException {
        jar.putNextEntry(new ZipEntry(name));
        jar.write(bytes);
        jar.closeEntry();
    }

    private static byte[] rewritten(byte[] bytes, List<String> what, int[] methods) {
        ClassNode node = new ClassNode();
        new ClassReader(bytes).accept(node, ClassReader.SKIP_FRAMES);
        node.version = Math.min(node.version & 0xffff, VERSION);
        Hostile hostile = new Hostile(node.name);
        if (what.contains("strings")) {
            hostile.moveConstants(node);
        }
        for (MethodNode method : node.methods) {
            method.localVariables = null;
            method.visibleLocalVariableAnnotations = null;
            method.invisibleLocalVariableAnnotations = null;
            if (method.instructions.size() == 0) {
                continue;
            }
            if (what.contains("junk") && method.instructions.size() <= INSTRUCTIONS_MAX) {
                hostile.junk(method);
            }
            if (what.contains("flow") && Flattening.hasChoice(method)) {
                methods[0]++;
                methods[1] += method.instructions.size() <= INSTRUCTIONS_MAX && Flattening.flatten(node.name, method, hostile.chance) ? 1 : 0;
            }
            if (what.contains("strings")) {
                hostile.close(method);
            }
        }
        ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
        node.accept(writer);
        return writer.toByteArray();
    }

    /** Strings that are values of constant fields are set by code instead. */
    private void moveConstants(ClassNode node) {
        InsnList sets = new InsnList();
        for (FieldNode field : node.fields) {
            if (field.value instanceof String text && (field.access & Opcodes.ACC_STATIC) != 0) {
                field.value = null;
                sets.add(new LdcInsnNode(text));
                sets.add(new FieldInsnNode(Opcodes.PUTSTATIC, node.name, field.name, field.desc));
            }
        }
        if (sets.size() == 0) {
            return;
        }
        MethodNode first = node.methods.stream().filter(m -> m.name.equals("<clinit>")).findFirst().orElse(null);
        if (first == null) {
            first = new MethodNode(Opcodes.ACC_STATIC, "<clinit>", "()V", null, null);
            first.instructions.add(new InsnNode(Opcodes.RETURN));
            node.methods.add(first);
        }
        first.instructions.insert(sets);
    }

    /** Replaces every string by what opens it. */
    private void close(MethodNode method) {
        for (AbstractInsnNode at : method.instructions.toArray()) {
            if (at instanceof LdcInsnNode load && load.cst instanceof String text && text.length() <= STRING_LETTERS_MAX) {
                int key = chance.nextInt();
                // To close is to open: each letter is only turned over.
                load.cst = Guard.open(text, key);
                InsnList open = new InsnList();
                open.add(new LdcInsnNode(key));
                open.add(new MethodInsnNode(Opcodes.INVOKESTATIC, GUARD, "open", "(Ljava/lang/String;I)Ljava/lang/String;", false));
                method.instructions.insert(at, open);
            }
        }
    }

    /** Puts code that is never reached, or that changes nothing, between statements. */
    private void junk(MethodNode method) {
        BitSet empty;
        try {
            empty = emptyStack(owner, method);
        } catch (AnalyzerException fault) {
            return;
        }
        AbstractInsnNode[] all = method.instructions.toArray();
        for (int n = 0; n < all.length; n++) {
            if (empty.get(n) && all[n].getOpcode() >= 0 && chance.nextInt(JUNK_EVERY) == 0) {
                method.instructions.insertBefore(all[n], oneJunk());
            }
        }
    }

    private InsnList oneJunk() {
        InsnList junk = new InsnList();
        LabelNode behind = new LabelNode();
        seed(junk, Opcodes.GETSTATIC);
        // The product of a number and the next one is even.
        for (int opcode : new int[] {Opcodes.DUP, Opcodes.ICONST_1, Opcodes.IADD, Opcodes.IMUL, Opcodes.ICONST_1, Opcodes.IAND}) {
            junk.add(new InsnNode(opcode));
        }
        boolean reached = chance.nextInt(3) == 0;
        junk.add(new JumpInsnNode(reached ? Opcodes.IFNE : Opcodes.IFEQ, behind));
        for (int n = 1 + chance.nextInt(2); n > 0; n--) {
            body(junk, reached);
        }
        junk.add(behind);
        return junk;
    }

    private void body(InsnList junk, boolean reached) {
        switch (chance.nextInt(reached ? 4 : 6)) {
            case 0 -> {
                seed(junk, Opcodes.GETSTATIC);
                junk.add(new IntInsnNode(Opcodes.SIPUSH, chance.nextInt(30_000)));
                junk.add(new InsnNode(chance.nextBoolean() ? Opcodes.IXOR : Opcodes.ISUB));
                seed(junk, Opcodes.PUTSTATIC);
            }
            case 1 -> {
                call(junk, "java/lang/System", chance.nextBoolean() ? "nanoTime" : "currentTimeMillis", "()J");
                junk.add(new InsnNode(Opcodes.L2I));
                seed(junk, Opcodes.PUTSTATIC);
            }
            case 2 -> {
                seed(junk, Opcodes.GETSTATIC);
                call(junk, "java/lang/Integer", chance.nextBoolean() ? "reverse" : "bitCount", "(I)I");
                seed(junk, Opcodes.PUTSTATIC);
            }
            case 3 -> {
                call(junk, "java/lang/Thread", "currentThread", "()Ljava/lang/Thread;");
                junk.add(new MethodInsnNode(Opcodes.INVOKEVIRTUAL, "java/lang/Thread", "getPriority", "()I", false));
                seed(junk, Opcodes.PUTSTATIC);
            }
            case 4 -> {
                junk.add(new TypeInsnNode(Opcodes.NEW, "java/util/ArrayList"));
                junk.add(new InsnNode(Opcodes.DUP));
                junk.add(new MethodInsnNode(Opcodes.INVOKESPECIAL, "java/util/ArrayList", "<init>", "()V", false));
                junk.add(new MethodInsnNode(Opcodes.INVOKEVIRTUAL, "java/util/ArrayList", "size", "()I", false));
                seed(junk, Opcodes.PUTSTATIC);
            }
            default -> {
                junk.add(new LdcInsnNode(Integer.toHexString(chance.nextInt())));
                junk.add(new MethodInsnNode(Opcodes.INVOKEVIRTUAL, "java/lang/String", chance.nextBoolean() ? "length" : "hashCode", "()I", false));
                seed(junk, Opcodes.PUTSTATIC);
            }
        }
    }

    private static void seed(InsnList list, int opcode) {
        list.add(new FieldInsnNode(opcode, GUARD, "seed", "I"));
    }

    private static void call(InsnList list, String owner, String name, String descriptor) {
        list.add(new MethodInsnNode(Opcodes.INVOKESTATIC, owner, name, descriptor, false));
    }

    /** Before which instructions the stack is empty. */
    static BitSet emptyStack(String owner, MethodNode method) throws AnalyzerException {
        Frame<?>[] frames = new Analyzer<>(new BasicInterpreter()).analyzeAndComputeMaxs(owner, method);
        BitSet empty = new BitSet();
        for (int n = 0; n < frames.length; n++) {
            empty.set(n, frames[n] != null && frames[n].getStackSize() == 0);
        }
        return empty;
    }
}
