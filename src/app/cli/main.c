/* The entry of the program: what the machine looks like, then cli_main. */
#include "cli/cli.h"

/* A variable of the environment; NULL: not set or empty. */
static const char *variable(char **env, struct str name)
{
    for (; *env; env++)
        if (str_starts(str_from(*env), name) && (*env)[name.len] == '=' && (*env)[name.len + 1])
            return *env + name.len + 1;
    return NULL;
}

int main(int argc, char **argv, char **env)
{
    const char *term = variable(env, STR("TERM"));
    bool dumb = !term || strcmp(term, "dumb") == 0;
    struct cli_host host = {
        .os = os_real(),
        .in_terminal = os_real_is_terminal(0),
        .out_terminal = os_real_is_terminal(1),
        .err_terminal = os_real_is_terminal(2),
        .colour = !dumb && !variable(env, STR("NO_COLOR")),
        .moves = !dumb,
        .columns = os_real_terminal_columns,
        .rows = os_real_terminal_rows,
        .catch_stop = os_real_catch_stop,
        .caught = os_real_caught,
    };
    return cli_main(&host, argc, (const char *const *)argv);
}
