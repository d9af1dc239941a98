import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.IincInsnNode;
import org.objectweb.asm.tree.InsnList;
import org.objectweb.asm.tree.InsnNode;
import org.objectweb.asm.tree.JumpInsnNode;
import org.objectweb.asm.tree.LabelNode;
import org.objectweb.asm.tree.LdcInsnNode;
import org.objectweb.asm.tree.LookupSwitchInsnNode;
import org.objectweb.asm.tree.MethodNode;
import org.objectweb.asm.tree.TableSwitchInsnNode;
import org.objectweb.asm.tree.TryCatchBlockNode;
import org.objectweb.asm.tree.VarInsnNode;
import org.objectweb.asm.tree.analysis.Analyzer;
import org.objectweb.asm.tree.analysis.AnalyzerException;
import org.objectweb.asm.tree.analysis.Frame;
import org.objectweb.asm.tree.analysis.SourceInterpreter;
import org.objectweb.asm.tree.analysis.SourceValue;

/**
 * Flattens the control flow of one method: its blocks, in any order, become the cases of one switch, and each tells by a
 * number which comes next. Constructors and methods that hold locks are left as they are, for Android's verifier would
 * not take them.
 */
class Flattening {
    private final MethodNode method;
    private final Random chance;
    private final AbstractInsnNode[] all;
    private final Map<AbstractInsnNode, Integer> places = new IdentityHashMap<>();
    private final BitSet leaders = new BitSet();
    private final BitSet handlers = new BitSet();
    private final Map<Integer, Integer> numbers = new HashMap<>();
    /** Sets every variable, and which one holds the number of the next block. */
    private InsnList prologue;
    private int state;

    private Flattening(MethodNode method, Random chance) {
        this.method = method;
        this.chance = chance;
        all = method.instructions.toArray();
        for (int n = 0; n < all.length; n++) {
            places.put(all[n], n);
        }
    }

    static boolean hasChoice(MethodNode method) {
        return Arrays.stream(method.instructions.toArray())
                .anyMatch(at -> at instanceof JumpInsnNode || at instanceof TableSwitchInsnNode || at instanceof LookupSwitchInsnNode);
    }

    /** Whether it was done. */
    static boolean flatten(String owner, MethodNode method, Random chance) {
        for (AbstractInsnNode at : method.instructions.toArray()) {
            int opcode = at.getOpcode();
            if (opcode == Opcodes.JSR || opcode == Opcodes.RET || opcode == Opcodes.MONITORENTER) {
                return false;
            }
        }
        if (method.name.equals("<init>")) {
            return false;
        }
        try {
            Flattening flattening = new Flattening(method, chance);
            if (!flattening.cut(Hostile.emptyStack(owner, method))) {
                return false;
            }
            flattening.separate(owner);
            flattening.write();
            return true;
        } catch (AnalyzerException fault) {
            return false;
        }
    }

    private int place(AbstractInsnNode at) {
        return places.get(at);
    }

    private List<LabelNode> targets(AbstractInsnNode at) {
        List<LabelNode> targets = new ArrayList<>();
        if (at instanceof JumpInsnNode jump) {
            targets.add(jump.label);
        } else if (at instanceof TableSwitchInsnNode table) {
            targets.add(table.dflt);
            targets.addAll(table.labels);
        } else if (at instanceof LookupSwitchInsnNode table) {
            targets.add(table.dflt);
            targets.addAll(table.labels);
        }
        return targets;
    }

    private static boolean isLast(AbstractInsnNode at) {
        int opcode = at.getOpcode();
        return opcode == Opcodes.GOTO || opcode == Opcodes.ATHROW || opcode == Opcodes.TABLESWITCH || opcode == Opcodes.LOOKUPSWITCH
                || (opcode >= Opcodes.IRETURN && opcode <= Opcodes.RETURN);
    }

    /** Finds where blocks begin: where the stack is empty and a jump ends, is passed by, or a guarded region changes. */
    private boolean cut(BitSet empty) {
        leaders.set(0);
        for (int n = 0; n < all.length; n++) {
            for (LabelNode target : targets(all[n])) {
                leaders.set(place(target));
            }
            if (!targets(all[n]).isEmpty() && n + 1 < all.length) {
                leaders.set(n + 1);
            }
        }
        Set<Integer> edges = new HashSet<>();
        for (TryCatchBlockNode guarded : method.tryCatchBlocks) {
            edges.add(place(guarded.start));
            edges.add(place(guarded.end));
            handlers.set(place(guarded.handler));
        }
        edges.forEach(leaders::set);
        leaders.and(empty);
        for (int n = handlers.nextSetBit(0); n >= 0; n = handlers.nextSetBit(n + 1)) {
            if (leaders.get(n) || fallsInto(n)) {
                return false;
            }
        }
        join();
        // Behind the last instruction nothing is run, and what a region does not change needs no block of its own.
        for (int edge : edges) {
            if (!leaders.get(edge) && !handlers.get(edge) && edge > 0 && fallsInto(edge)) {
                return false;
            }
        }
        for (AbstractInsnNode at : all) {
            for (LabelNode target : targets(at)) {
                if (handlers.get(place(target))) {
                    return false;
                }
            }
        }
        return leaders.cardinality() > 2;
    }

    private boolean fallsInto(int n) {
        int before = n - 1;
        while (before >= 0 && all[before].getOpcode() < 0) {
            before--;
        }
        return before >= 0 && !isLast(all[before]);
    }

    /** A jump to where the stack is not empty stays one inside a block: no block begins between. */
    private void join() {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int n = 0; n < all.length; n++) {
                for (LabelNode label : targets(all[n])) {
                    int target = place(label);
                    if (leaders.get(target)) {
                        continue;
                    }
                    int from = Math.min(n, target) + 1;
                    int to = Math.max(n, target) + 1;
                    if (leaders.get(from, to).cardinality() > 0) {
                        leaders.clear(from, to);
                        changed = true;
                    }
                }
            }
        }
    }

    /** Gives each value that is stored and the reads that see it a variable of their own: all live in one loop now. */
    private void separate(String owner) throws AnalyzerException {
        Map<Integer, AbstractInsnNode> parameters = new TreeMap<>();
        SourceInterpreter interpreter = new SourceInterpreter(Opcodes.ASM9) {
            @Override
            public SourceValue newParameterValue(boolean isInstance, int local, Type type) {
                AbstractInsnNode fake = parameters.computeIfAbsent(local, n -> new VarInsnNode(Opcodes.NOP, n));
                return new SourceValue(type.getSize(), fake);
            }
        };
        Frame<SourceValue>[] frames = new Analyzer<>(interpreter).analyzeAndComputeMaxs(owner, method);
        Map<AbstractInsnNode, AbstractInsnNode> roots = new IdentityHashMap<>();
        for (int n = 0; n < all.length; n++) {
            int read = all[n] instanceof IincInsnNode step ? step.var : all[n] instanceof VarInsnNode v ? v.var : -1;
            boolean writes = all[n].getOpcode() >= Opcodes.ISTORE && all[n].getOpcode() <= Opcodes.ASTORE;
            if (read >= 0 && !writes && frames[n] != null) {
                for (AbstractInsnNode source : frames[n].getLocal(read).insns) {
                    roots.put(root(roots, source), root(roots, all[n]));
                }
            }
        }
        Map<AbstractInsnNode, Integer> slots = new IdentityHashMap<>();
        parameters.forEach((local, fake) -> slots.put(root(roots, fake), local));
        int next = method.maxLocals;
        InsnList begin = new InsnList();
        for (AbstractInsnNode at : all) {
            if (!(at instanceof VarInsnNode || at instanceof IincInsnNode)) {
                continue;
            }
            AbstractInsnNode root = root(roots, at);
            if (!slots.containsKey(root)) {
                slots.put(root, next);
                next += begin(begin, at.getOpcode(), next);
            }
            if (at instanceof VarInsnNode variable) {
                variable.var = slots.get(root);
            } else {
                ((IincInsnNode) at).var = slots.get(root);
            }
        }
        state = next;
        prologue = begin;
    }

    private static AbstractInsnNode root(Map<AbstractInsnNode, AbstractInsnNode> roots, AbstractInsnNode of) {
        AbstractInsnNode at = of;
        while (roots.getOrDefault(at, at) != at) {
            at = roots.get(at);
        }
        return at;
    }

    /** Something in a variable before anything is: the slots it takes. */
    private static int begin(InsnList list, int opcode, int slot) {
        int kind = switch (opcode) {
            case Opcodes.LLOAD, Opcodes.LSTORE -> 1;
            case Opcodes.FLOAD, Opcodes.FSTORE -> 2;
            case Opcodes.DLOAD, Opcodes.DSTORE -> 3;
            case Opcodes.ALOAD, Opcodes.ASTORE -> 4;
            default -> 0;
        };
        int[] zeros = {Opcodes.ICONST_0, Opcodes.LCONST_0, Opcodes.FCONST_0, Opcodes.DCONST_0, Opcodes.ACONST_NULL};
        list.add(new InsnNode(zeros[kind]));
        list.add(new VarInsnNode(Opcodes.ISTORE + kind, slot));
        return kind == 1 || kind == 3 ? 2 : 1;
    }

    private int number(int leader) {
        return numbers.computeIfAbsent(leader, n -> {
            int number = chance.nextInt();
            return numbers.containsValue(number) ? number + 1 : number;
        });
    }

    private void go(InsnList list, int leader, LabelNode dispatch) {
        list.add(new LdcInsnNode(number(leader)));
        list.add(new VarInsnNode(Opcodes.ISTORE, state));
        list.add(new JumpInsnNode(Opcodes.GOTO, dispatch));
    }

    private void write() {
        List<int[]> blocks = new ArrayList<>();
        int start = 0;
        for (int n = 1; n <= all.length; n++) {
            if (n == all.length || leaders.get(n) || handlers.get(n)) {
                blocks.add(new int[] {start, n});
                start = n;
            }
        }
        InsnList written = new InsnList();
        LabelNode dispatch = new LabelNode();
        written.add(prologue);
        written.add(new LdcInsnNode(number(0)));
        written.add(new VarInsnNode(Opcodes.ISTORE, state));
        written.add(dispatch);
        written.add(new VarInsnNode(Opcodes.ILOAD, state));
        TreeMap<Integer, LabelNode> cases = new TreeMap<>();
        for (int leader = leaders.nextSetBit(0); leader >= 0; leader = leaders.nextSetBit(leader + 1)) {
            cases.put(number(leader), new LabelNode());
        }
        int[] keys = cases.keySet().stream().mapToInt(k -> k).toArray();
        written.add(new LookupSwitchInsnNode(cases.get(number(0)), keys, cases.values().toArray(new LabelNode[0])));
        List<TryCatchBlockNode> guarded = method.tryCatchBlocks;
        List<List<TryCatchBlockNode>> pieces = new ArrayList<>();
        guarded.forEach(one -> pieces.add(new ArrayList<>()));
        method.instructions.clear();
        Collections.shuffle(blocks, chance);
        for (int[] block : blocks) {
            LabelNode from = new LabelNode();
            LabelNode to = new LabelNode();
            if (leaders.get(block[0])) {
                written.add(cases.get(number(block[0])));
            }
            written.add(from);
            block(written, block, dispatch);
            written.add(to);
            for (int n = 0; n < guarded.size(); n++) {
                TryCatchBlockNode one = guarded.get(n);
                if (place(one.start) <= block[0] && block[0] < place(one.end)) {
                    pieces.get(n).add(new TryCatchBlockNode(from, to, one.handler, one.type));
                }
            }
        }
        method.tryCatchBlocks = new ArrayList<>();
        pieces.forEach(method.tryCatchBlocks::addAll);
        method.instructions = written;
    }

    private void block(InsnList written, int[] block, LabelNode dispatch) {
        InsnList stubs = new InsnList();
        AbstractInsnNode last = null;
        for (int n = block[0]; n < block[1]; n++) {
            AbstractInsnNode at = all[n];
            if (at instanceof JumpInsnNode jump && leaders.get(place(jump.label))) {
                int target = place(jump.label);
                if (jump.getOpcode() == Opcodes.GOTO) {
                    go(written, target, dispatch);
                } else {
                    written.add(new JumpInsnNode(jump.getOpcode(), stub(stubs, target, dispatch)));
                }
            } else if (at instanceof TableSwitchInsnNode table) {
                LabelNode[] labels = table.labels.stream().map(l -> leads(stubs, l, dispatch)).toArray(LabelNode[]::new);
                written.add(new TableSwitchInsnNode(table.min, table.max, leads(stubs, table.dflt, dispatch), labels));
            } else if (at instanceof LookupSwitchInsnNode table) {
                LabelNode[] labels = table.labels.stream().map(l -> leads(stubs, l, dispatch)).toArray(LabelNode[]::new);
                int[] keys = table.keys.stream().mapToInt(k -> k).toArray();
                written.add(new LookupSwitchInsnNode(leads(stubs, table.dflt, dispatch), keys, labels));
            } else {
                written.add(at);
            }
            last = at.getOpcode() < 0 ? last : at;
        }
        // What is behind the last instruction of all is never reached.
        if ((last == null || !isLast(last)) && block[1] < all.length) {
            go(written, block[1], dispatch);
        }
        written.add(stubs);
    }

    private LabelNode leads(InsnList stubs, LabelNode to, LabelNode dispatch) {
        return leaders.get(place(to)) ? stub(stubs, place(to), dispatch) : to;
    }

    private LabelNode stub(InsnList stubs, int target, LabelNode dispatch) {
        LabelNode stub = new LabelNode();
        stubs.add(stub);
        go(stubs, target, dispatch);
        return stub;
    }
}
