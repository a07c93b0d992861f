/* A line that somebody types, with what is needed to help: libedit behind a face of our own (editor.c). */
#pragma once

#include "cli/cli.h"

/* What may stand in place of the text from `from` to the cursor. */
struct candidate {
    struct str text;
    const char *after; /* put behind the only one: " ", "(", "' = '" */
};
struct candidates {
    ARRAY(struct candidate) list;
    size_t from; /* byte of the line */
    bool indent; /* nothing to complete: a Tab is white space here */
};

struct editor_config {
    struct cli *c;
    void *arg;
    /* Waits for input as os_real_wait_input does. 0: something wants to be said: `speak` then writes whole lines. */
    unsigned (*wait)(void *arg);
    void (*speak)(void *arg);
    bool (*complete)(void *arg, struct str line, size_t cursor, struct arena *a, struct candidates *ret);
    uint32_t history; /* entries kept */
};

enum editor_got { EDITOR_LINE, EDITOR_END, EDITOR_INTERRUPTED, EDITOR_TERMINATED };

struct editor;
enum status editor_new(const struct editor_config *config, struct editor **ret, struct error *err) MUST_USE;
void editor_free(struct editor *e); /* NULL is allowed */
/* The line ends with a newline and is valid until the next call. */
enum editor_got editor_line(struct editor *e, const char *prompt, struct str *ret);
void editor_hush(struct editor *e, bool on); /* keys do not show: something is being drawn */
void editor_remember(struct editor *e, const char *entry); /* for the up key; may have several lines */
