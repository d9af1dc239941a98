import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Runs compilers and shrinkers over a list of jobs in one virtual machine: starting one for each would take longer than the work. */
public class Jobs {
    private static final String API = "26";

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
}
