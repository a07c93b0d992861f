import java.io.*;
import java.lang.reflect.*;
import java.nio.file.*;
import java.util.*;
import org.apache.kafka.common.utils.Exit;

/** Runs the mains of Kafka's tools one after the other in one JVM, as each start of one costs seconds: Tools DIRECTORY, commands on
 *  standard input, a line each: name, class, arguments, separated by tabs. Standard output and error of each go to DIRECTORY/NAME.out,
 *  its exit code to NAME.rc; standard input comes from NAME.in where that is. */
class Tools {
    static class Ended extends RuntimeException {
        Ended() {
            super(null, null, false, false);
        }
    }

    static OptionalInt code; // of the first exit: some tools catch what we throw, and exit once more

    static void exit(int with, String message) {
        if (code.isEmpty())
            code = OptionalInt.of(with);
        throw new Ended();
    }

    static int run(String name, String... args) throws Exception {
        code = OptionalInt.empty();
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException e) {
            if (code.isEmpty()) {
                e.getCause().printStackTrace();
                return 1;
            }
        }
        return code.orElse(0);
    }

    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]);
        var commands = new BufferedReader(new InputStreamReader(System.in)).lines().toList();
        Exit.setExitProcedure(Tools::exit);
        Exit.setHaltProcedure(Tools::exit);
        for (String line : commands) {
            String[] words = line.split("\t");
            Path in = dir.resolve(words[0] + ".in");
            int rc;
            try (var out = new PrintStream(new FileOutputStream(dir.resolve(words[0] + ".out").toFile()), true);
                    InputStream from = Files.exists(in) ? Files.newInputStream(in) : InputStream.nullInputStream()) {
                System.setOut(out);
                System.setErr(out);
                System.setIn(from);
                rc = run(words[1], Arrays.copyOfRange(words, 2, words.length));
            }
            Files.writeString(dir.resolve(words[0] + ".rc"), "" + rc);
        }
        Runtime.getRuntime().halt(0);
    }
}
