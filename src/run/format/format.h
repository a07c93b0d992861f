/* Rows to bytes and back: json, csv, raw, debezium-json behind the catalog's format table. Takes a schema,
 * fetches nothing, opens no file. */
#pragma once

#include "catalog/catalog.h"

extern const struct format format_json, format_csv, format_raw, format_debezium_json;

/* All of them, for the engine to register; *ret_count entries. */
const struct format *const *format_all(uint32_t *ret_count);

/* Result writers of `-o table|ndjson|csv|json|markdown`, used for SELECT and print sinks. `kinds`: the result updates, so
 * each row's kind comes first, as column `op`. The table and markdown forms need all rows of a block for their widths: rows
 * given by one call stand in one block. */
enum result_format { RESULT_TABLE, RESULT_NDJSON, RESULT_CSV, RESULT_JSON, RESULT_MARKDOWN };
bool result_format_parse(struct str name, enum result_format *ret);
struct result_writer;
struct result_writer *result_writer_new(enum result_format f, const struct schema *s, bool kinds,
                                        const struct zone *zone, struct budget *b);
bool result_writer_put(struct result_writer *w, const struct batch *b, struct buf *out) MUST_USE; /* rows that count */
bool result_writer_end(struct result_writer *w, struct buf *out) MUST_USE;                        /* closing text */
void result_writer_free(struct result_writer *w);
