import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.eclipse.jdt.core.compiler.batch.BatchCompiler;

/** Runs compilers and shrinkers over a list of jobs in one virtual machine: starting one for each would take longer than the work. */
public class Jobs {
    private static final String API = "26";
    /** What the oldest phones still in use have: D8 writes out what they lack. */
    private static final String API_OLD = "21";

    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Paths.get(arguments[0]))) {
            if (line.isBlank()) {
                continue;
            }
            String[] words = line.split("\\|");
            Path out = Paths.get(words[1]);
            if (Files.exists(out)) {
                continue;
            }
            long start = System.nanoTime();
            String fault = run(words[0], out, List.of(words).subList(2, words.length));
            System.out.printf("%s %s %s %.1fs %s%n", fault == null ? "made" : "failed", words[0], out,
                    (System.nanoTime() - start) / 1e9, fault == null ? "" : fault);
        }
    }

    /** Null when it worked, else the first line that says why not. */
    private static String run(String kind, Path out, List<String> rest) throws Exception {
        PrintStream screen = System.out;
        PrintStream errors = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setErr(new PrintStream(said));
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        Path folder = Files.createTempDirectory("job");
        Path made = folder.resolve("classes.dex");
        try {
            List<String> words = new ArrayList<>(List.of("--release", "--min-api", API, "--output", folder.toString()));
            switch (kind) {
                case "d8" -> {
                    words.addAll(rest);
                    com.android.tools.r8.D8.main(words.toArray(new String[0]));
                }
                case "d8old" -> {
                    words = new ArrayList<>(List.of("--debug", "--min-api", API_OLD, "--output", folder.toString()));
                    words.addAll(rest);
                    com.android.tools.r8.D8.main(words.toArray(new String[0]));
                }
                case "ecj" -> {
                    compile(Paths.get(rest.get(0)), Paths.get(rest.get(1)), Paths.get(rest.get(2)));
                    words.add(rest.get(1));
                    com.android.tools.r8.D8.main(words.toArray(new String[0]));
                }
                case "r8" -> {
                    words.addAll(rest);
                    com.android.tools.r8.R8.main(words.toArray(new String[0]));
                }
                case "proguard" -> {
                    proguard.Configuration configuration = new proguard.Configuration();
                    try (proguard.ConfigurationParser parser =
                            new proguard.ConfigurationParser(new File(rest.get(0)), System.getProperties())) {
                        parser.parse(configuration);
                    }
                    new proguard.ProGuard(configuration).execute();
                    words.add(rest.get(1));
                    com.android.tools.r8.D8.main(words.toArray(new String[0]));
                }
                case "dx" -> {
                    List<String> dx = new ArrayList<>(List.of("--dex", "--min-sdk-version=" + API, "--no-strict",
                            "--core-library", "--output=" + made));
                    dx.addAll(rest);
                    com.android.dx.command.Main.main(dx.toArray(new String[0]));
                }
                case "hostile" -> Hostile.rewrite(Paths.get(rest.get(0)), made, List.of(rest.get(1).split("\\+")));
                default -> throw new IllegalArgumentException(kind);
            }
            Files.move(made, out, StandardCopyOption.REPLACE_EXISTING);
            return null;
        } catch (Throwable fault) {
            String text = said + "\n" + fault;
            return text.lines().filter(l -> l.contains("rror") || l.contains("xception")).findFirst().orElse(fault.toString());
        } finally {
            Files.deleteIfExists(made);
            folder.toFile().delete();
            System.setErr(errors);
            System.setOut(screen);
        }
    }

    /** Compiles sources anew; what needs a library that is not in the folder is left out. */
    private static void compile(Path sources, Path out, Path libraries) throws Exception {
        Path work = Files.createTempDirectory("sources");
        Path written = work.resolve("written");
        Path compiled = Files.createDirectory(work.resolve("compiled"));
        try (ZipFile zip = new ZipFile(sources.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                Path path = written.resolve(entry.getName()).normalize();
                boolean isPart = path.startsWith(written) && !path.endsWith("module-info.java");
                if (isPart && entry.getName().endsWith(".java") && !entry.getName().startsWith("META-INF")) {
                    Files.createDirectories(path.getParent());
                    Files.copy(zip.getInputStream(entry), path);
                }
            }
        }
        String jars;
        try (Stream<Path> all = Files.list(libraries)) {
            jars = String.join(File.pathSeparator, all.map(Path::toString).sorted().toList());
        }
        PrintWriter nowhere = new PrintWriter(OutputStream.nullOutputStream());
        BatchCompiler.compile(new String[] {"--release", "8", "-nowarn", "-encoding", "UTF-8", "-classpath", jars,
                "-d", compiled.toString(), written.toString()}, nowhere, nowhere, null);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(out)); Stream<Path> all = Files.walk(compiled)) {
            for (Path path : (Iterable<Path>) all.filter(p -> p.toString().endsWith(".class")).sorted()::iterator) {
                zip.putNextEntry(new ZipEntry(compiled.relativize(path).toString()));
                Files.copy(path, zip);
            }
        }
    }
}
