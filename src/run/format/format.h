/* Rows to bytes and back: json, csv, raw, debezium-json behind the catalog's format table. Takes a schema,
 * fetches nothing, opens no file. */
#pragma once

#include "catalog/catalog.h"

extern const struct format format_json, format_csv, format_raw, format_debezium_json;

/* All of them, for the engine to register; *ret_count entries. */
const struct format *const *format_all(uint32_t *ret_count);

/* A json decoder whose records are arrays of the columns by position, `[1, "a", {"f": 1}]`; a ROW is an object or an
 * array, too. Objects are taken as well. For the `test` connector. */
enum status format_json_values(const struct schema *schema, const struct zone *zone, struct budget *budget,
                               struct decoder **ret, struct error *err) MUST_USE;

/* csv.header = names: the columns' order stands in the split's first line. After reset(d, position > 0) this says
 * whether the decoder must see that line first: give decode the bytes from the split's start (it takes the header,
 * `used`, and no rows), then go on at the position. */
bool format_wants_header(const struct decoder *d);

/* Result writers of `-o table|ndjson|csv|json|markdown|vertical`, used for SELECT and print sinks. `kinds`: the result
 * updates, so each row's kind comes first, as column `op`. The table and markdown forms need all rows of a block for
 * their widths: rows given by one call stand in one block. */
enum result_format { RESULT_TABLE, RESULT_NDJSON, RESULT_CSV, RESULT_JSON, RESULT_MARKDOWN, RESULT_VERTICAL };
extern const char *const result_format_names[]; /* NULL ends */
bool result_format_parse(struct str name, enum result_format *ret);
struct result_writer;
struct result_writer *result_writer_new(enum result_format f, const struct schema *s, bool kinds,
                                        const struct zone *zone, struct budget *b);
bool result_writer_put(struct result_writer *w, const struct batch *b, struct buf *out) MUST_USE; /* rows that count */
bool result_writer_end(struct result_writer *w, struct buf *out) MUST_USE;                        /* closing text */
void result_writer_free(struct result_writer *w);
