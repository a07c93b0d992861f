/* What a table, a view, a function, a connector and a format is: descriptors with declared options, and
 * the interfaces that connectors and formats fill. Expressions and views are kept as canonical SQL text;
 * this room knows no grammar.
 *
 * Threads: a catalog belongs to one session (one thread). Descriptors are immutable once registered, so
 * running jobs on other threads may read them. Source readers and sinks belong to one task at a time. */
#pragma once

#include "data/data.h"
#include "os/os.h"

/* ---- tables, views, functions ---- */

/* One catalog of databases is all there is. A table's or view's name there, and in messages, is its key: how a script
 * without USE writes it. That is its own name in the default database, "database.name" in another one; a part that holds a
 * point or a backtick stands in backticks. */
#define CATALOG_NAME "default_catalog"
#define CATALOG_DATABASE "default_database"
struct object_name {
    struct str database, name; /* parts as they are */
    struct str key;
};

enum column_role { COLUMN_PHYSICAL, COLUMN_COMPUTED, COLUMN_METADATA };

struct column_desc {
    enum column_role role;
    struct str name;
    const struct type *type; /* COMPUTED: filled by the binder when the table is created */
    struct str expr;         /* COMPUTED: SQL text */
    struct str metadata_key; /* METADATA: what the connector calls it */
    bool is_virtual;
    struct str comment;
};

struct table_desc {
    struct str name;     /* key */
    struct object_name at; /* key empty: of no catalog */
    bool temporary;
    struct column_desc *columns;
    uint32_t n_columns;
    struct schema physical;  /* the PHYSICAL columns in order */
    /* What a connector reads and writes: the physical columns, then the METADATA columns in order (when writing: but the
     * VIRTUAL ones), each with its connector's type. Filled by catalog_resolve. */
    struct schema read_row, written_row;
    int32_t watermark_column; /* index into columns; -1: none */
    struct str watermark_expr; /* SQL text; "SOURCE_WATERMARK()" when the source gives watermarks */
    uint32_t *primary_key;   /* indexes into columns */
    uint32_t n_primary_key;
    struct str key_name;     /* CONSTRAINT name; empty: none was given */
    struct str *partitioned_by;
    uint32_t n_partitioned_by;
    bool inferred;  /* the physical columns come out of a sample */
    bool overwrite; /* in the copy that an INSERT OVERWRITE writes to */
    const struct str *static_partition; /* and there: the values of all partition columns, when PARTITION gives them; NULL */
    struct options options;
    struct options given; /* at not NULL: the options as declared, since resolving has changed their spelling */
    const struct connector *connector; /* found when first used: options are checked lazily */
    const struct format *format;       /* of 'format' / 'value.format'; NULL: none */
    const struct format *key_format;   /* of 'key.format', where the connector has such an option; NULL: none */
    struct options key_options;        /* the ones for it, by the format's names */
    struct str comment;
};

/* Its options as they were declared. */
static inline const struct options *table_given(const struct table_desc *t) { return t->given.at ? &t->given : &t->options; }

struct view_desc {
    struct str name; /* key */
    struct object_name at;
    struct str within; /* the database whose tables the query means by their own names alone */
    bool temporary;
    struct str query; /* SQL text */
    struct str *columns; /* renamed columns; n_columns 0: as the query names them */
    uint32_t n_columns;
    struct str comment;
};

/* CREATE FUNCTION name AS 'class': stands for a built-in by its known class name. */
struct function_desc {
    struct str name;
    struct str builtin; /* name of the built-in that it means */
    struct str class_name;
    bool temporary;
};

struct catalog;

struct catalog *catalog_new(struct budget *b); /* NULL when memory is refused */
void catalog_free(struct catalog *c);
struct arena *catalog_arena(struct catalog *c); /* descriptors live here */

enum status catalog_add_table(struct catalog *c, struct table_desc *t, bool if_not_exists, struct error *err) MUST_USE;
enum status catalog_add_view(struct catalog *c, struct view_desc *v, bool if_not_exists, struct error *err) MUST_USE;
enum status catalog_add_function(struct catalog *c, struct function_desc *f, bool if_not_exists,
                                 struct error *err) MUST_USE;
/* In the place of the table or view of that name; the new one's own name must be free, or the same. */
enum status catalog_replace_table(struct catalog *c, struct str name, struct table_desc *t, struct error *err) MUST_USE;
enum status catalog_replace_view(struct catalog *c, struct str name, struct view_desc *v, struct error *err) MUST_USE;
/* In the place of the function of its name. */
enum status catalog_replace_function(struct catalog *c, struct function_desc *f, struct error *err) MUST_USE;
/* what: "TABLE", "VIEW", "FUNCTION". */
enum status catalog_drop(struct catalog *c, const char *what, struct str name, bool if_exists,
                         struct error *err) MUST_USE;
const struct table_desc *catalog_table(const struct catalog *c, struct str name);
const struct view_desc *catalog_view(const struct catalog *c, struct str name);
const struct function_desc *catalog_function(const struct catalog *c, struct str name); /* name without case */
/* Sorted names; kind "TABLE" (tables and views), "VIEW", "FUNCTION", "DATABASE". */
enum status catalog_names(const struct catalog *c, const char *kind, struct arena *a, struct str **ret,
                          uint32_t *ret_count, struct error *err) MUST_USE;
/* "unknown table 'bidz'; did you mean 'bids'?" with the place. */
enum status catalog_unknown(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                            struct error *err);

/* ---- databases ---- */

/* The name of an object, its key made in `a`; key.ptr NULL: memory. */
struct object_name catalog_object(struct arena *a, struct str database, struct str name);
bool catalog_has_database(const struct catalog *c, struct str name);
enum status catalog_add_database(struct catalog *c, struct str name, bool if_not_exists, struct error *err) MUST_USE;
/* With all its tables and views, when `cascade`; else it must be empty. */
enum status catalog_drop_database(struct catalog *c, struct str name, bool if_exists, bool cascade,
                                  struct error *err) MUST_USE;
enum status catalog_unknown_function(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                                     struct error *err);
enum status catalog_unknown_database(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                                     struct error *err);
/* What a table or view of that key is called; NULL: there is none. */
const struct object_name *catalog_find_name(const struct catalog *c, struct str key);

/* ---- registries: filled by engine before the first statement ---- */

struct connector;
struct format;
bool catalog_add_connector(struct catalog *c, const struct connector *k) MUST_USE;
bool catalog_add_format(struct catalog *c, const struct format *f) MUST_USE;
/* Reads 'connector' and 'format' of the table's options, checks all options against the declared ones
 * (unknown ones refused with the nearest name, all findings at once) and fills t->connector, t->format, t->read_row and
 * t->written_row. */
enum status catalog_resolve(const struct catalog *c, struct table_desc *t, struct error *err) MUST_USE;
/* What connectors look at files with when columns are inferred; NULL (the start): they are not. */
void catalog_set_os(struct catalog *c, struct os *os);
/* Fills the physical columns of a table that declares none, in `a`, and options that follow from what was seen. Its options are
 * set. */
enum status catalog_infer(const struct catalog *c, struct table_desc *t, struct arena *a, struct error *err) MUST_USE;
/* A table that a path in FROM stands for, with more options (which win), in `a`. */
enum status catalog_file(const struct catalog *c, struct str path, const struct option *more, uint32_t n, struct arena *a,
                         struct table_desc **ret, struct error *err) MUST_USE;
/* May this METADATA column be read or written (METADATA_READ, METADATA_WRITE) with the connector? */
bool catalog_metadata(const struct connector *k, const struct column_desc *c, uint32_t flag);
/* The connectors and formats in order, for help and completion; NULL ends. */
const struct connector *catalog_connector_at(const struct catalog *c, uint32_t i);
const struct format *catalog_format_at(const struct catalog *c, uint32_t i);

/* ---- what a job hands to connectors ---- */

/* A record that cannot be decoded. */
struct bad_record {
    struct str source; /* table name */
    struct str file;   /* or split */
    uint64_t line;     /* 1-based; 0: none */
    uint64_t offset;   /* of the record's first byte, uncompressed */
    uint32_t column;   /* 1-based byte in the record where it went wrong; 0: none */
    struct str reason;
    struct str bytes;  /* the record as it came */
};

/* What everybody who opens a connector gets. Lives as long as the job. */
struct connect_context {
    struct os *os;
    struct budget *budget;
    struct zone zone;        /* session time zone */
    uint64_t job_id;         /* fingerprint of the job: names hidden files */
    /* a commit can outlive the process: a sink must be able to take back what was not committed */
    bool durable;
    bool restored;           /* the job goes on from a commit: a split without a position was not there then */
    bool compact_validation; /* json.validate=needed */
    void *extra;             /* the test hub, see connect/connect.h */
    /* Takes a bad record by the job's policy. ST_OK: skipped or dead-lettered, go on. Else: fail with it (err
     * filled). */
    enum status (*bad)(void *arg, const struct bad_record *bad, struct error *err);
    void *bad_arg;
    /* The bad records of this split that `bad` has taken so far belong to the epoch that ends now. May be NULL. */
    void (*seal_bad)(void *arg, struct str source, struct str split);
};

/* Which parts of the row read are used. Unused columns are NULL in the batch (also where NOT NULL). */
struct need {
    bool used;
    struct need *fields; /* ROW: a need a field; NULL: whole */
    struct str only;     /* ptr not NULL: rows with another text here may be left out */
};

/* ---- sources ---- */

enum read_outcome {
    READ_ROWS, /* out has rows, and there may be more at once */
    READ_WAIT, /* nothing now: ask again when ctx signal is raised or at *ret_wake_mono_ms */
    READ_END,  /* the split is finished; out may still have rows */
};

struct split {
    struct str id; /* stable over restarts: a path, a partition number */
};

struct source { /* extended by each connector */
    const struct source_ops *ops;
    const struct table_desc *table;
    /* Every split is opened as soon as it is known, however many there are: where it begins must be part of the next commit. */
    bool open_all;
};
struct split_reader {
    const struct source_ops *ops;
    uint64_t bytes; /* of the rows read since it was opened, unpacked; 0 where the connector has none */
};

struct source_ops {
    /* Splits known now, in `arena`, sorted by id. May block (listing): called from background work. Called again every
     * `discover_ms` when that is > 0; new ids are new splits. */
    enum status (*splits)(struct source *s, struct arena *arena, struct split **ret, uint32_t *ret_count,
                          struct error *err);
    /* Opens a split at `position` (what `position` gave; len 0: the start). ST_MISMATCH when the data before the
     * position have changed. */
    enum status (*open)(struct source *s, const struct split *split, struct str position, struct budget *budget,
                        struct os_signal *wake, struct split_reader **ret, struct error *err);
    /* Appends up to out->capacity - out->count rows (at most `max_rows`) of the table's read_row to `out` (cleared by
     * the caller). Never blocks, but for pread of a regular file. Row kinds are set when the format has them.
     * READ_WAIT with *ret_wake_ms (INT64_MAX: only the signal). Explicit watermarks of the source: *ret_watermark_ms
     * (INT64_MIN: none) holds after the rows of this call. */
    enum status (*read)(struct split_reader *r, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                        int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err);
    /* Where the next read goes on, as bytes for the commit record. */
    enum status (*position)(struct split_reader *r, struct buf *out, struct error *err);
    void (*close)(struct split_reader *r);   /* NULL is allowed */
    void (*free)(struct source *s);    /* NULL is allowed */
    /* What `position` told last of this split belongs to the epoch that ends: at each barrier, on the split's task. May be NULL. */
    void (*seal)(struct source *s, struct str split);
    /* The epoch is durable, and all that was sealed before. Background; may be NULL. */
    void (*committed)(struct source *s, uint64_t epoch);
};

/* ---- sinks ---- */

enum write_outcome { WRITE_DONE, WRITE_WAIT /* same batch again, when the signal is raised */ };

struct sink {
    const struct sink_ops *ops;
    const struct table_desc *table;
};
struct sink_writer {
    const struct sink_ops *ops;
    uint64_t bytes; /* that `write` has made since it was opened, unpacked; 0 where the connector has none */
};

/* What `restore` gets: what each writer put into the last durable commit. */
struct sink_commit {
    uint32_t subtask;
    struct str bytes;
};

/* A sink's life with commits: writers write; at a barrier each says what a commit of all it has written must hold
 * (`prepare`, quick, on the task); `flush` makes that durable (background); then the job's commit record becomes
 * durable; then `publish` makes it visible (background: renames; or hands rows to standard output). publish of epoch
 * n comes before flush of n + 1. */
struct sink_ops {
    /* Once, before the writers: repeats publish of the newest commit (it may have been cut short), takes back what no
     * commit names. n 0: there is no commit: takes back everything of this job. May block. */
    enum status (*restore)(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err);
    enum status (*open)(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *budget, struct os_signal *wake,
                        struct sink_writer **ret, struct error *err);
    enum status (*write)(struct sink_writer *w, const struct batch *b, enum write_outcome *ret, struct error *err);
    enum status (*watermark)(struct sink_writer *w, int64_t watermark_ms, struct error *err); /* may be NULL */
    /* Before prepare: is there nobody who could tell this writer of time? May be NULL. */
    void (*idle)(struct sink_writer *w, bool idle);
    /* Appends the commit's bytes; `epoch` is the one that ends; `final`: nothing follows (end of input, clean stop):
     * finish files. */
    enum status (*prepare)(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                           struct error *err);
    enum status (*flush)(struct sink_writer *w, uint64_t epoch, struct error *err);
    enum status (*publish)(struct sink_writer *w, uint64_t epoch, struct error *err);
    void (*close)(struct sink_writer *w); /* NULL is allowed; takes nothing back */
    void (*free)(struct sink *s);
};

/* ---- connectors ---- */

enum connector_flags {
    CONNECTOR_SOURCE = 1,
    CONNECTOR_SINK = 2,
    CONNECTOR_FORMAT = 4,        /* wants 'format' */
    CONNECTOR_NO_POSITIONS = 8,  /* cannot repeat: refused with a state directory (stdin) */
    CONNECTOR_UNDURABLE_SINK = 16, /* cannot take back (stdout, print): rows may repeat after a kill */
    /* takes updates and deletes by itself (print, blackhole, test), not through the format */
    CONNECTOR_SINK_UPDATES = 32,
    CONNECTOR_WATERMARKS = 64,   /* a source that gives watermarks: SOURCE_WATERMARK() may be declared */
    CONNECTOR_OVERWRITE = 256,   /* INSERT OVERWRITE of bounded input: what was there goes with the last commit */
    CONNECTOR_OVERWRITE_ANYWAY = 512, /* it is as INSERT INTO: nothing is ever there */
    CONNECTOR_AT_LEAST_ONCE = 1024, /* a sink that a kill may make write rows again: EXPLAIN says so */
    CONNECTOR_ANY_METADATA = 128, /* every METADATA column goes, in both directions, under any key */
};

/* What a connector knows of a record beside its columns: may be declared as a METADATA column. */
enum metadata_flags { METADATA_READ = 1, METADATA_WRITE = 2 };
struct metadata_key {
    const char *name;
    const char *help;
    enum type_kind kind; /* TYPE_MAP: from STRING to BYTES */
    int32_t precision;   /* of a timestamp */
    uint32_t flags;
};

/* The first bytes of a file, and what they say about its rows. */
struct sample {
    struct str file, text;
    bool whole; /* nothing follows */
};
struct inferred {
    struct schema schema;
    struct option options[4]; /* that the table then needs */
    uint32_t n_options;
};

struct connector {
    const char *name; /* "filesystem" */
    const char *help; /* one line */
    uint32_t flags;
    const struct option_spec *options;
    uint32_t n_options;
    const struct metadata_key *metadata;
    uint32_t n_metadata;
    /* Changelog modes: which row kinds may come out of the table (bit 1 << kind). NULL: inserts only, or the
     * format's. */
    enum status (*source_kinds)(const struct table_desc *t, uint32_t *ret_kinds, struct error *err);
    /* Bounded input? */
    enum status (*bounded)(const struct table_desc *t, bool *ret, struct error *err);
    /* Does what is written wait for watermarks? NULL: no. */
    bool (*wants_watermarks)(const struct table_desc *t);
    /* More checks than the option table can say. May be NULL. */
    enum status (*check)(const struct table_desc *t, struct error *err);
    /* The options of a table that `path` alone names in FROM. NULL: no path is such a table. */
    enum status (*of_path)(struct str path, struct arena *a, struct options *ret, struct error *err);
    /* Columns of a table whose statement declares none; may read. NULL: they must be declared. */
    enum status (*infer)(const struct table_desc *t, struct os *os, struct arena *a, struct inferred *ret,
                         struct error *err);
    /* `needs`: one for each column of read_row. Milliseconds between looks for new splits: *ret_discover_ms (0: never). */
    enum status (*open_source)(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                               int64_t *ret_discover_ms, struct source **ret, struct error *err);
    /* `schema`: the columns written (the table's written_row). `upsert`: no -U comes, -D carry the key. */
    enum status (*open_sink)(const struct table_desc *t, const struct schema *schema, bool upsert,
                             struct connect_context *ctx, struct sink **ret, struct error *err);
};

/* ---- formats ---- */

struct decoder {
    const struct decoder_ops *ops;
};
struct encoder {
    const struct encoder_ops *ops;
};

/* What decode did. */
struct decoded {
    uint32_t used;  /* bytes consumed, whole records only */
    uint32_t lines; /* newlines consumed */
    /* the last `bad_len` bytes of `used` are a record that cannot be read (counted in used and lines) */
    bool bad;
    uint32_t bad_at, bad_len; /* relative to `from` */
    uint32_t bad_lines;       /* newlines consumed by the bad record (its first line is lines - bad_lines + 1) */
    uint32_t bad_column;      /* 1-based byte in the record; 0: none */
    char reason[200];
};

struct decoder_ops {
    /* Decodes records from chunk->data[from, to) into `out` until the bytes or the room (out->capacity, `max_rows`
     * more) run out; stops after a bad record. Strings may reference `chunk` (column_share). `at_end`: nothing
     * follows, so an unfinished last record counts. ST_OK with used 0 and no rows: needs more bytes (or at_end and
     * nothing is left).
     * */
    enum status (*decode)(struct decoder *d, struct shared *chunk, uint32_t from, uint32_t to, bool at_end,
                          struct batch *out, uint32_t max_rows, struct decoded *ret, struct error *err);
    /* One message without framing (a log record's value). NULL `bytes`.ptr: a tombstone. */
    enum status (*decode_one)(struct decoder *d, struct shared *chunk, struct str bytes, struct batch *out,
                              struct decoded *ret, struct error *err);
    /* Messages, none of them NULL, a row each, as far as there is room. Stops behind the first that gives none, because it
     * is bad or empty. *ret_taken: so many are done with. May be NULL: decode_one for each. */
    enum status (*decode_many)(struct decoder *d, struct shared *chunk, const struct str *at, uint32_t n,
                               struct batch *out, uint32_t *ret_taken, struct decoded *ret, struct error *err);
    /* Starts a new split (a CSV header is expected again unless `position` > 0). */
    void (*reset)(struct decoder *d, uint64_t position);
    void (*free)(struct decoder *d); /* NULL is allowed */
};

/* Where a message ends in the output; null: it is none, not even an empty one. */
struct encoded {
    size_t end;
    bool null;
};

struct encoder_ops {
    /* Appends the rows that count, framed for a file (a newline after each). Row kinds only where the format carries
     * them. */
    enum status (*encode)(struct encoder *e, const struct batch *b, struct buf *out, struct error *err);
    /* Appends the rows that count as messages, one behind the other without any framing; `ret`: one for each. May be NULL:
     * `encode` row by row, but for the newline. */
    enum status (*encode_many)(struct encoder *e, const struct batch *b, struct buf *out, struct encoded *ret,
                               struct error *err);
    /* What a file starts with (a CSV header), maybe nothing. */
    enum status (*begin)(struct encoder *e, struct buf *out, struct error *err);
    void (*free)(struct encoder *e);
};

struct format {
    const char *name; /* "json" */
    const char *help;
    const struct option_spec *options; /* full names: "json.ignore-parse-errors" */
    uint32_t n_options;
    uint32_t source_kinds; /* row kinds it can carry when read; bit 1 << kind */
    bool sink_updates;     /* can write updates and deletes */
    /* Columns that it can neither read nor write. NULL: what there is, opening says. */
    enum status (*check)(const struct schema *s, struct error *err);
    /* Columns out of samples (at least one); NULL: none can be inferred. */
    enum status (*infer)(const struct table_desc *t, const struct sample *samples, uint32_t n, struct arena *a,
                         struct inferred *ret, struct error *err);
    enum status (*open_decoder)(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                                struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                                struct error *err);
    enum status (*open_encoder)(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                                struct budget *budget, struct encoder **ret, struct error *err);
};
