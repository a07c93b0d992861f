/* The entry of the program: what the machine looks like, then cli_main. */
#include "cli/cli.h"

int main(int argc, char **argv, char **env)
{
    struct cli_host host = {
        .os = os_real(),
        .in_terminal = os_real_is_terminal(0),
        .out_terminal = os_real_is_terminal(1),
        .err_terminal = os_real_is_terminal(2),
        .columns = os_real_terminal_columns,
        .rows = os_real_terminal_rows,
        .catch_stop = os_real_catch_stop,
        .caught = os_real_caught,
        .catch_asking = os_real_catch_asking,
        .asked = os_real_asked,
        .note_signals = os_real_note_signals,
        .noted = os_real_noted,
        .wait_input = os_real_wait_input,
        .end_by = os_real_end_by,
        .pipe_to = os_real_pipe_to,
        .pipe_write = os_real_pipe_write,
        .pipe_end = os_real_pipe_end,
        .open_files = os_real_open_files(),
        .variables = env,
    };
    struct cli c = { .host = &host };
    const char *term = cli_variable(&c, STR("TERM"));
    host.moves = term && strcmp(term, "dumb") != 0;
    host.colour = host.moves && !cli_variable(&c, STR("NO_COLOR"));
    return cli_main(&host, argc, (const char *const *)argv);
}
