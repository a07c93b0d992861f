/* The command is made of the rooms' archives (main is in src/app/cli/main.c). */
typedef int weir_has_no_code_here;
