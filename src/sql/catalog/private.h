/* What catalog.c and registry.c share. */
#pragma once

#include "catalog/catalog.h"

/* Connectors and formats are compiled in, so a fixed table holds them. */
#define CATALOG_REGISTERED_MAX 64u

struct catalog {
    struct arena arena;
    struct map databases; /* name → anything */
    struct map relations; /* key → struct relation: tables and views share one name space */
    struct map functions; /* name without case → struct function_desc */
    const struct connector *connectors[CATALOG_REGISTERED_MAX];
    const struct format *formats[CATALOG_REGISTERED_MAX];
    uint32_t n_connectors, n_formats;
    struct os *os; /* NULL: files are not looked at */
    /* Where options that were given under an older spelling are rewritten; resolving does not change what the catalog
     * holds, only where its bytes come from. */
    struct arena *rewrite;
};

/* Connector and format of the table's options, and all of those checked. */
enum status catalog_find(const struct catalog *c, struct table_desc *t, const struct connector **ret, const struct format **ret_format,
                         struct error *err) MUST_USE;
