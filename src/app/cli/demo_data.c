/* The demo's job and data, taken into the program by the assembler, so that `weir demo` needs no file beside it. The
 * paths are looked for along the include path, which names src/app. */
#include "cli/demo.h"

__asm__(".pushsection .rodata, \"a\"\n"
        ".balign 16\n"
        ".globl demo_sql\n.hidden demo_sql\ndemo_sql:\n"
        ".incbin \"../../examples/earthquakes.sql\"\n"
        ".globl demo_sql_end\n.hidden demo_sql_end\ndemo_sql_end:\n.byte 0\n"
        ".balign 16\n"
        ".globl demo_csv\n.hidden demo_csv\ndemo_csv:\n"
        ".incbin \"../../examples/earthquakes.csv\"\n"
        ".globl demo_csv_end\n.hidden demo_csv_end\ndemo_csv_end:\n.byte 0\n"
        ".popsection\n");
