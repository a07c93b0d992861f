/* libweir is made of the rooms' archives; a shared library needs one source of its own. */
typedef int libweir_has_no_code_here;
