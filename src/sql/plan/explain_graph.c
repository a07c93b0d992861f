/* Plans for programs: as JSON, and as a graph for Graphviz.
 *
 * The json has an object a node, each on a line, inputs before users; what belongs to the node's kind stands under
 * "details", under the names that EXPLAIN has. The graph is a cluster a plan with a box a node and its facts below one
 * another; an edge is labelled with the changes that it carries. */
#include "plan/private.h"
#include "text/text.h"

static bool put(struct buf *out, const char *s)
{
    return buf_put(out, s, strlen(s));
}

/* ---- json ---- */

static bool put_string(struct facts *f, const char *key, struct str s)
{
    return facts_key(f, key) && json_put_string(f->out, s);
}

static bool put_inputs(struct facts *f, const struct node *n)
{
    bool ok = facts_key(f, "inputs") && put(f->out, "[");
    for (uint32_t i = 0; i < n->n_inputs && ok; i++)
        ok = put(f->out, i ? ",{\"id\":" : "{\"id\":") &&
             json_put_string(f->out, f->plan->nodes[n->inputs[i].node]->id) &&
             put(f->out, n->inputs[i].port == 1 ? ",\"rows\":\"late\"}" : "}");
    return ok && put(f->out, "]");
}

static bool put_schema(struct facts *f, const struct schema *s)
{
    bool ok = facts_key(f, "schema") && put(f->out, "[");
    for (uint32_t i = 0; i < s->n_fields && ok; i++) {
        ok = put(f->out, i ? ",{\"name\":" : "{\"name\":") && json_put_string(f->out, s->fields[i].name) &&
             put(f->out, ",\"type\":");
        size_t from = f->out->len;
        ok = ok && type_print(f->out, s->fields[i].type) && facts_string(f, from) && put(f->out, "}");
    }
    return ok && put(f->out, "]");
}

static bool put_state(struct facts *f, const struct node *n)
{
    struct state_fact s;
    bool ok = facts_key(f, "state");
    if (!facts_state(n, &s))
        return ok && put(f->out, "null");
    f->any = false;
    ok = ok && put(f->out, "{") && put_string(f, "keeps", str_from(s.keeps)) &&
         (!s.by || put_string(f, "by", str_from(s.by)));
    if (s.n_key)
        ok = ok && facts_columns(f, "key", &f->plan->nodes[n->inputs[0].node]->schema, s.key, s.n_key);
    ok = ok && put_string(f, "until", str_from(s.until)) && put(f->out, "}");
    f->any = true;
    return ok;
}

static bool put_json_node(struct buf *out, const struct plan *p, const struct node *n)
{
    struct facts f = { .out = out, .plan = p, .form = FACTS_JSON };
    int64_t colon = str_find(n->id, STR(":"), 0);
    struct str kind = colon < 0 ? n->id : str_make(n->id.ptr, (size_t)colon);
    bool ok = put(out, "{") && put_string(&f, "id", n->id) && put_string(&f, "kind", kind) && put_inputs(&f, n) &&
              facts_kinds(&f, n) && facts_columns(&f, "upsert_key", &n->schema, n->upsert_key, n->n_upsert_key) &&
              facts_key(&f, "bounded") && put(out, n->bounded ? "true" : "false") && facts_key(&f, "watermarks") &&
              put(out, n->watermarks ? "true" : "false") && put_schema(&f, &n->schema) && put_state(&f, n) &&
              facts_key(&f, "details") && put(out, "{");
    f.any = false;
    return ok && facts_put(&f, n) && put(out, "}}");
}

bool plan_print_json(struct buf *out, const struct plan *plan)
{
    bool ok = put(out, "{\"job\":") && json_put_string(out, plan->name.ptr ? plan->name : STR("")) &&
              buf_printf(out, ",\"bounded\":%s,\"nodes\":[\n", plan->bounded ? "true" : "false");
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++)
        ok = put_json_node(out, plan, plan->nodes[i]) && put(out, i + 1 < plan->n_nodes ? ",\n" : "\n");
    return ok && put(out, "]}");
}

/* ---- Graphviz ---- */

#define LABEL_COLUMNS 60u

/* In quotes, lines flush left and cut where a box would become too wide. */
static bool put_label(struct buf *out, struct str text)
{
    bool ok = put(out, "\"");
    uint32_t at = 0;
    for (size_t i = 0; i < text.len && ok; i++) {
        char c = text.ptr[i];
        bool first_byte = ((unsigned char)c & 0xC0) != 0x80;
        if (c == '\n' || (at >= LABEL_COLUMNS && c == ' ')) {
            ok = put(out, c == '\n' ? "\\l" : "\\l  ");
            at = 0;
            continue;
        }
        at += first_byte;
        ok = (c != '"' && c != '\\') || put(out, "\\");
        ok = ok && ((unsigned char)c < 0x20 ? put(out, "?") : buf_put(out, &c, 1));
    }
    return ok && put(out, "\\l\"");
}

static bool put_box(struct buf *out, const struct plan *p, const struct node *n, uint32_t number)
{
    struct buf label;
    buf_init(&label, out->budget, 1u << 22);
    struct facts f = { .out = &label, .plan = p, .form = FACTS_LINES };
    bool ends = n->kind == NODE_SOURCE || n->kind == NODE_SINK || n->kind == NODE_VALUES;
    bool ok = buf_put(&label, n->id.ptr, n->id.len) && facts_put(&f, n) &&
              buf_printf(out, "    p%u_%u [shape=box%s, label=", number, n->index,
                         ends ? ", style=bold" : n->kind == NODE_EXCHANGE ? ", style=rounded" : "") &&
              put_label(out, buf_str(&label)) && put(out, "];\n");
    buf_release(&label);
    return ok;
}

static bool put_edges(struct buf *out, const struct plan *p, const struct node *n, uint32_t number)
{
    static const char *const names[] = { "I", "UB", "UA", "D" };
    bool ok = true;
    for (uint32_t i = 0; i < n->n_inputs && ok; i++) {
        const struct node *from = p->nodes[n->inputs[i].node];
        bool late = n->inputs[i].port == 1;
        ok = buf_printf(out, "    p%u_%u -> p%u_%u [label=\"%s", number, from->index, number, n->index,
                        late ? "late rows" : "");
        for (uint32_t k = 0, any = 0; k < 4 && ok && !late; k++)
            if (from->kinds >> k & 1u)
                ok = buf_printf(out, "%s%s", any++ ? "," : "", names[k]);
        ok = ok && put(out, late ? "\", style=dashed];\n" : "\"];\n");
    }
    return ok;
}

bool plan_print_dot(struct buf *out, const struct plan *plan, uint32_t number)
{
    bool ok = buf_printf(out, "  subgraph cluster_%u {\n    label=", number) &&
              put_label(out, plan->name.ptr ? plan->name : STR("")) && put(out, ";\n");
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++)
        ok = put_box(out, plan, plan->nodes[i], number);
    for (uint32_t i = 0; i < plan->n_nodes && ok; i++)
        ok = put_edges(out, plan, plan->nodes[i], number);
    return ok && put(out, "  }\n");
}
