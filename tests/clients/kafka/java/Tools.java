// Runs Kafka's console tools one after another in one JVM, since each start costs two seconds: `java Tools SCRIPT`.
//
// A line of SCRIPT is `class TAB argument TAB argument ...`; an argument `<text` is the tool's standard input, with `\n`.
// Prints for each line what the tool wrote to its standard output and error, then `### exit CODE`. The tools are the
// released classes: they only find `exit` and the streams replaced, as Kafka's own tests do.

import java.io.*;
import java.nio.file.*;
import java.util.*;
import org.apache.kafka.common.utils.Exit;

public class Tools {
    static class Exited extends RuntimeException {
        Exited() {
            super("the tool exits", null, false, false);
        }
    }

    /** The first code is the tool's own: some catch what we throw, and exit again. */
    static Integer exitCode;

    public static void main(String[] args) throws Exception {
        Exit.Procedure exit = (code, message) -> {
            if (message != null) System.out.println(message);
            if (exitCode == null) exitCode = code;
            throw new Exited();
        };
        Exit.setExitProcedure(exit);
        Exit.setHaltProcedure(exit);
        PrintStream out = System.out;
        System.setErr(out);
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            var words = new ArrayList<>(List.of(line.split("\t")));
            out.println("### " + String.join(" ", words));
            var tool = Class.forName(words.remove(0)).getMethod("main", String[].class);
            for (var it = words.iterator(); it.hasNext(); ) {
                String word = it.next();
                if (word.startsWith("<")) {
                    System.setIn(new ByteArrayInputStream(word.substring(1).replace("\\n", "\n").getBytes()));
                    it.remove();
                }
            }
            out.println("### exit " + run(tool, words.toArray(new String[0])));
        }
        out.flush();
        Runtime.getRuntime().halt(0);
    }

    static int run(java.lang.reflect.Method tool, String[] args) throws Exception {
        exitCode = null;
        try {
            tool.invoke(null, (Object) args);
        } catch (java.lang.reflect.InvocationTargetException e) {
            if (exitCode == null) {
                e.getCause().printStackTrace(System.out);
                return 99;
            }
        }
        return exitCode == null ? 0 : exitCode;
    }
}
