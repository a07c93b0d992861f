/* Finding what a path leads to.
 *
 * A path of single members and indexes, nearly all that are written, is followed while the document is checked: one
 * pass, nothing stored. Of several members of one name the last counts, so the pass goes on after a hit.
 *
 * Any other path first has the document checked, then walks over the texts of its values, reading a value again at
 * each level that it passes (depth is bounded by JSON_DEPTH). Its rules are Jayway's: under strict what is missing
 * before the first step that may match several places is an error, behind it such a place is left out; '..' tries the
 * rest of the path at every place below. The number of places looked at has a limit, since several '..' multiply. */
#include "expr/json_private.h"

#define MAX_VISITS 500000u

struct walk {
    struct json_work *w;
    const struct json_path *path;
    struct str root;
    uint64_t *left;
    ARRAY(struct str) hits;
};

static enum json_found visit(struct walk *x, struct str at, uint32_t i, bool sure);

enum json_kind json_kind_of(struct str raw)
{
    return raw.len ? (enum json_kind)json_kinds[(uint8_t)raw.ptr[0]] : JSON_END;
}

/* ---- one pass ---- */

static bool follow(struct json *j, const struct json_step *s, uint32_t n, struct str *ret, bool *ret_found);

static bool follow_index(struct json *j, const struct json_step *s, uint32_t n, struct str *ret, bool *ret_found)
{
    int64_t want = s->indexes[0];
    struct str raw;
    if (want < 0) { /* from the end: count first */
        struct json again = *j;
        int64_t count = 0;
        if (!json_enter(&again))
            return json_fail(j, again.at, again.fault);
        for (; json_element(&again); count++)
            if (!json_skip(&again, &raw))
                break;
        if (again.fault)
            return json_fail(j, again.at, again.fault);
        want += count;
    }
    if (!json_enter(j))
        return false;
    for (int64_t i = 0; json_element(j); i++)
        if (!(i == want ? follow(j, s + 1, n - 1, ret, ret_found) : json_skip(j, &raw)))
            return false;
    return !j->fault;
}

/* Reads the value at j, whatever comes of it. */
static bool follow(struct json *j, const struct json_step *s, uint32_t n, struct str *ret, bool *ret_found)
{
    struct str raw;
    *ret_found = n == 0;
    if (n == 0)
        return json_skip(j, ret);
    enum json_kind kind = json_peek(j);
    if (s->kind == STEP_INDEX && kind == JSON_ARRAY)
        return follow_index(j, s, n, ret, ret_found);
    if (s->kind != STEP_MEMBER || kind != JSON_OBJECT)
        return json_skip(j, &raw);
    struct str key;
    bool escaped;
    if (!json_enter(j))
        return false;
    while (json_member(j, &key, &escaped))
        if (!(json_key_equals(key, escaped, s->names[0]) ? follow(j, s + 1, n - 1, ret, ret_found)
                                                         : json_skip(j, &raw)))
            return false;
    return !j->fault;
}

/* Behind a number Jackson wants a blank, behind a word no letter. */
bool json_ends_well(const struct json *j, enum json_kind kind)
{
    if (j->at == j->end)
        return true;
    uint8_t c = (uint8_t)*j->at;
    if (kind == JSON_NUMBER)
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (kind == JSON_NULL || kind == JSON_TRUE || kind == JSON_FALSE)
        return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
                 c >= 0x80);
    return true;
}

bool json_whole(struct str text, struct str *ret_raw)
{
    struct json j;
    json_init(&j, text);
    enum json_kind kind = json_peek(&j);
    return json_skip(&j, ret_raw) && json_ends_well(&j, kind);
}

/* ---- the general walk ---- */

static enum json_found hit(struct walk *x, struct str value)
{
    struct str *added = array_add(&x->hits, &x->w->arena);
    if (!added)
        return JSON_REFUSED;
    *added = value;
    return JSON_FOUND;
}

/* The way there is missing: an error while only one place could be meant. */
static enum json_found nothing(const struct walk *x, bool sure) { return sure && !x->path->lax ? JSON_MISSING : JSON_FOUND; }

static bool find_member(struct str object, struct str name, struct str *ret)
{
    struct json j;
    struct str key, value;
    bool escaped, found = false;
    json_init(&j, object);
    if (!json_enter(&j))
        return false;
    while (json_member(&j, &key, &escaped) && json_skip(&j, &value))
        if (json_key_equals(key, escaped, name)) {
            *ret = value;
            found = true;
        }
    return found;
}

uint32_t json_count(struct str raw)
{
    struct json j;
    struct str key, value;
    bool escaped;
    enum json_kind kind = json_kind_of(raw);
    uint32_t n = 0;
    json_init(&j, raw);
    if ((kind != JSON_ARRAY && kind != JSON_OBJECT) || !json_enter(&j))
        return 1;
    while ((kind == JSON_ARRAY ? json_element(&j) : json_member(&j, &key, &escaped)) && json_skip(&j, &value))
        n++;
    return n;
}

/* Several members at the end of a path make an object. */
static enum json_found merge(struct walk *x, struct str object, const struct json_step *s)
{
    struct buf out;
    bool fits, first = true;
    buf_init(&out, x->w->budget, 64u << 20);
    fits = buf_put_u8(&out, '{');
    for (uint32_t i = 0; i < s->n && fits; i++) {
        struct str value;
        if (!find_member(object, s->names[i], &value))
            continue;
        fits = (first || buf_put_u8(&out, ',')) && json_put_string(&out, s->names[i]) && buf_put_u8(&out, ':') &&
               buf_put(&out, value.ptr, value.len);
        first = false;
    }
    struct str made = { 0 };
    if (fits && buf_put_u8(&out, '}'))
        made = arena_str(&x->w->arena, buf_str(&out));
    buf_release(&out);
    return made.ptr ? hit(x, made) : JSON_REFUSED;
}

static enum json_found at_members(struct walk *x, struct str at, uint32_t i, bool sure)
{
    const struct json_step *s = &x->path->steps[i];
    bool last = i + 1 == x->path->n;
    if (json_kind_of(at) != JSON_OBJECT)
        return nothing(x, sure);
    if (s->n > 1 && last)
        return merge(x, at, s);
    for (uint32_t k = 0; k < s->n; k++) {
        struct str value;
        enum json_found st = JSON_FOUND;
        if (find_member(at, s->names[k], &value))
            st = visit(x, value, i + 1, sure && s->n == 1);
        else if (!last)
            st = nothing(x, sure && s->n == 1);
        if (st != JSON_FOUND)
            return st;
    }
    return JSON_FOUND;
}

/* Elements from..to) of an array. */
static enum json_found at_elements(struct walk *x, struct str array, int64_t from, int64_t to, uint32_t next,
                                   bool sure)
{
    struct json j;
    struct str value;
    json_init(&j, array);
    if (!json_enter(&j))
        return JSON_BROKEN;
    for (int64_t k = 0; k < to && json_element(&j) && json_skip(&j, &value); k++) {
        enum json_found st = k >= from ? visit(x, value, next, sure) : JSON_FOUND;
        if (st != JSON_FOUND)
            return st;
    }
    return JSON_FOUND;
}

static enum json_found at_indexes(struct walk *x, struct str at, uint32_t i, bool sure)
{
    const struct json_step *s = &x->path->steps[i];
    if (json_kind_of(at) != JSON_ARRAY)
        return nothing(x, sure);
    int64_t count = json_count(at);
    if (s->kind == STEP_SLICE) {
        int64_t from = s->from, to = s->has_to ? s->to : count;
        if (!s->has_to && from < 0)
            from = from + count < 0 ? 0 : from + count;
        if (!s->has_from && to < 0)
            to += count;
        for (; from < 0 && from < to; from++) { /* between two bounds each index counts for itself */
            enum json_found st = at_elements(x, at, from + count, from + count + 1, i + 1, false);
            if (st != JSON_FOUND)
                return st;
        }
        return at_elements(x, at, from, to, i + 1, false);
    }
    for (uint32_t k = 0; k < s->n; k++) {
        int64_t index = s->indexes[k] < 0 ? count + s->indexes[k] : s->indexes[k];
        enum json_found st = at_elements(x, at, index, index + 1, i + 1, sure && s->n == 1);
        if (st != JSON_FOUND)
            return st;
    }
    return JSON_FOUND;
}

/* All members or elements of `at` as they stand. */
static enum json_found children(struct walk *x, struct str at, struct json_entries *ret)
{
    *ret = (struct json_entries){ 0 };
    if (json_kind_of(at) == JSON_OBJECT)
        return json_members(&x->w->arena, at, false, ret) ? JSON_FOUND : JSON_REFUSED;
    struct json j;
    struct str value;
    json_init(&j, at);
    if (json_kind_of(at) != JSON_ARRAY || !json_enter(&j))
        return JSON_FOUND;
    while (json_element(&j) && json_skip(&j, &value)) {
        struct json_entry *added = array_add(&ret->list, &x->w->arena);
        if (!added)
            return JSON_REFUSED;
        added->value = value;
    }
    return JSON_FOUND;
}

static enum json_found accepts(struct walk *x, struct str at, const struct json_step *s, bool *ret)
{
    enum json_found st = JSON_FOUND;
    *ret = json_test_holds(x->w, s->test, x->root, at, x->left, &st);
    return st;
}

static enum json_found at_each(struct walk *x, struct str at, uint32_t i, bool sure)
{
    const struct json_step *s = &x->path->steps[i];
    struct json_entries all;
    enum json_found st = JSON_FOUND;
    bool holds = true;
    if (s->kind == STEP_FILTER && json_kind_of(at) == JSON_OBJECT) {
        st = accepts(x, at, s, &holds);
        return st != JSON_FOUND || !holds ? st : visit(x, at, i + 1, false);
    }
    if (s->kind == STEP_FILTER && json_kind_of(at) != JSON_ARRAY)
        return nothing(x, sure);
    st = children(x, at, &all);
    for (uint32_t k = 0; k < all.list.count && st == JSON_FOUND; k++) {
        if (s->kind == STEP_FILTER)
            st = accepts(x, all.list.at[k].value, s, &holds);
        if (st == JSON_FOUND && holds)
            st = visit(x, all.list.at[k].value, i + 1, false);
    }
    return st;
}

static enum json_found at_length(struct walk *x, struct str at)
{
    enum json_kind kind = json_kind_of(at);
    if (kind != JSON_ARRAY && kind != JSON_OBJECT)
        return hit(x, STR("null"));
    struct str text = arena_printf(&x->w->arena, "%u", json_count(at));
    return text.ptr ? hit(x, text) : JSON_REFUSED;
}

/* Step i at this place. */
static enum json_found apply(struct walk *x, struct str at, uint32_t i, bool sure)
{
    switch (x->path->steps[i].kind) {
    case STEP_MEMBER:
        return at_members(x, at, i, sure);
    case STEP_INDEX:
    case STEP_SLICE:
        return at_indexes(x, at, i, sure);
    case STEP_LENGTH:
        return at_length(x, at);
    default:
        return at_each(x, at, i, sure);
    }
}

/* Does '..' try the step here? */
static enum json_found suits(struct walk *x, struct str at, const struct json_step *s, bool last, bool *ret)
{
    enum json_kind kind = json_kind_of(at);
    *ret = false;
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return JSON_FOUND;
    switch (s->kind) {
    case STEP_MEMBER:
        *ret = kind == JSON_OBJECT;
        for (uint32_t k = 0; k < s->n && *ret && (s->n == 1 || last); k++) {
            struct str value;
            *ret = find_member(at, s->names[k], &value);
        }
        return JSON_FOUND;
    case STEP_INDEX:
    case STEP_SLICE:
        *ret = kind == JSON_ARRAY;
        return JSON_FOUND;
    case STEP_ANY:
        *ret = true;
        return JSON_FOUND;
    case STEP_FILTER:
        return accepts(x, at, s, ret);
    default:
        return JSON_FOUND;
    }
}

static enum json_found scan(struct walk *x, struct str at, uint32_t i)
{
    bool here;
    struct json_entries all;
    if (*x->left == 0)
        return JSON_ENDLESS;
    --*x->left;
    enum json_found st = suits(x, at, &x->path->steps[i], i + 1 == x->path->n, &here);
    if (st == JSON_FOUND && here)
        st = apply(x, at, i, false);
    if (st == JSON_FOUND)
        st = children(x, at, &all);
    for (uint32_t k = 0; st == JSON_FOUND && k < all.list.count; k++)
        if (json_kind_of(all.list.at[k].value) == JSON_OBJECT || json_kind_of(all.list.at[k].value) == JSON_ARRAY)
            st = scan(x, all.list.at[k].value, i);
    return st;
}

/* `sure`: only this place can be meant so far. */
static enum json_found visit(struct walk *x, struct str at, uint32_t i, bool sure)
{
    if (*x->left == 0)
        return JSON_ENDLESS;
    --*x->left;
    if (i == x->path->n)
        return hit(x, at);
    return x->path->steps[i].deep ? scan(x, at, i) : apply(x, at, i, sure);
}

/* The hits as one value. */
static enum json_found gather(struct walk *x, struct str *ret)
{
    if (x->path->definite) {
        if (x->hits.count == 0)
            return JSON_MISSING;
        *ret = x->hits.at[x->hits.count - 1];
        return JSON_FOUND;
    }
    size_t bytes = 2;
    for (uint32_t i = 0; i < x->hits.count; i++)
        bytes += x->hits.at[i].len + 1;
    char *text = arena_alloc(&x->w->arena, bytes);
    if (!text)
        return JSON_REFUSED;
    size_t n = 0;
    text[n++] = '[';
    for (uint32_t i = 0; i < x->hits.count; i++) {
        if (i)
            text[n++] = ',';
        memcpy(text + n, x->hits.at[i].ptr, x->hits.at[i].len);
        n += x->hits.at[i].len;
    }
    text[n++] = ']';
    *ret = str_make(text, n);
    return JSON_FOUND;
}

enum json_found json_find(struct json_work *w, const struct json_path *p, struct str text, struct str *ret_raw)
{
    struct str root;
    if (p->single) {
        struct json j;
        bool found;
        json_init(&j, text);
        enum json_kind kind = json_peek(&j);
        if (!follow(&j, p->steps, p->n, ret_raw, &found) || !json_ends_well(&j, kind))
            return JSON_BROKEN;
        return found ? JSON_FOUND : JSON_MISSING;
    }
    if (!json_whole(text, &root))
        return JSON_BROKEN;
    uint64_t left = MAX_VISITS;
    struct walk x = { .w = w, .path = p, .root = root, .left = &left };
    enum json_found st = visit(&x, root, 0, true);
    return st == JSON_FOUND ? gather(&x, ret_raw) : st;
}

/* ---- filters ---- */

/* *ret.ptr NULL: not there. */
static enum json_found operand(struct json_work *w, const struct json_operand *o, struct str root, struct str at,
                               uint64_t *left, struct str *ret)
{
    *ret = o->raw;
    if (!o->path)
        return JSON_FOUND;
    *ret = (struct str){ 0 };
    struct walk x = { .w = w, .path = o->path, .root = root, .left = left };
    enum json_found st = visit(&x, o->absolute ? root : at, 0, true);
    if (st == JSON_FOUND)
        st = gather(&x, ret);
    return st == JSON_MISSING ? JSON_FOUND : st;
}

/* Equal as Jayway has it: a number equals its text. */
static bool equal(struct json_work *w, struct str a, struct str b, enum json_found *ret_st)
{
    enum json_kind ka = json_kind_of(a), kb = json_kind_of(b);
    bool same = false;
    if (ka == JSON_NUMBER && kb == JSON_NUMBER)
        return json_compare_numbers(a, b) == 0;
    if (ka == JSON_NUMBER && kb == JSON_STRING)
        return equal(w, b, a, ret_st);
    if (ka == JSON_STRING && kb == JSON_NUMBER) {
        struct str inner = str_make(a.ptr + 1, a.len - 2);
        return json_is_number(inner) && json_compare_numbers(inner, b) == 0;
    }
    if (ka == kb && !json_same(&w->arena, w->budget, a, b, &same))
        *ret_st = JSON_REFUSED;
    return same;
}

static bool less(struct str a, struct str b, enum json_test_op op)
{
    int order;
    enum json_kind kind = json_kind_of(a);
    if (kind != json_kind_of(b))
        return false;
    if (kind == JSON_NUMBER)
        order = json_compare_numbers(a, b);
    else if (kind == JSON_STRING)
        order = json_text_compare(a, b);
    else
        return false;
    return op == TEST_LESS            ? order < 0
           : op == TEST_LESS_EQUAL    ? order <= 0
           : op == TEST_GREATER       ? order > 0
                                      : order >= 0;
}

static bool contained(struct json_work *w, struct str list, struct str value, enum json_found *ret_st)
{
    struct json j;
    struct str element;
    json_init(&j, list);
    if (json_kind_of(list) != JSON_ARRAY || !json_enter(&j))
        return false;
    while (json_element(&j) && json_skip(&j, &element))
        if (equal(w, element, value, ret_st))
            return true;
    return false;
}

static bool compares(struct json_work *w, const struct json_test *t, struct str a, struct str b,
                     enum json_found *ret_st)
{
    if (!a.ptr || !b.ptr) /* what is not there equals nothing */
        return t->op == TEST_NOT_EQUAL || t->op == TEST_NOT_IN;
    enum json_kind kind = json_kind_of(a);
    bool sized = kind == JSON_ARRAY || kind == JSON_OBJECT;
    switch (t->op) {
    case TEST_EQUAL:
    case TEST_NOT_EQUAL:
        return equal(w, a, b, ret_st) == (t->op == TEST_EQUAL);
    case TEST_IN:
    case TEST_NOT_IN:
        return contained(w, b, a, ret_st) == (t->op == TEST_IN);
    case TEST_CONTAINS:
        if (kind == JSON_STRING && json_kind_of(b) == JSON_STRING)
            return str_find(str_make(a.ptr + 1, a.len - 2), str_make(b.ptr + 1, b.len - 2), 0) >= 0;
        return contained(w, a, b, ret_st);
    case TEST_SIZE: {
        int64_t want;
        return (sized || kind == JSON_STRING) && json_number_to_i64(b, &want) &&
               want == (int64_t)(sized ? json_count(a) : a.len - 2);
    }
    case TEST_EMPTY:
        return (sized ? json_count(a) == 0 : kind == JSON_STRING && a.len == 2) == (json_kind_of(b) == JSON_TRUE);
    default:
        return less(a, b, t->op);
    }
}

bool json_test_holds(struct json_work *w, const struct json_test *t, struct str root, struct str at, uint64_t *left,
                     enum json_found *ret_st)
{
    struct str a, b;
    switch (t->kind) {
    case TEST_AND:
        return json_test_holds(w, t->a, root, at, left, ret_st) && json_test_holds(w, t->b, root, at, left, ret_st);
    case TEST_OR:
        return json_test_holds(w, t->a, root, at, left, ret_st) || json_test_holds(w, t->b, root, at, left, ret_st);
    case TEST_NOT:
        return !json_test_holds(w, t->a, root, at, left, ret_st);
    default:
        break;
    }
    enum json_found st = operand(w, &t->left, root, at, left, &a);
    if (st == JSON_FOUND && t->kind == TEST_EXISTS)
        return a.ptr != NULL;
    if (st == JSON_FOUND)
        st = operand(w, &t->right, root, at, left, &b);
    if (st == JSON_FOUND)
        return compares(w, t, a, b, ret_st);
    *ret_st = st;
    return false;
}
