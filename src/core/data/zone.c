/* Zones: fixed offsets by name, and named zones by their TZif bytes (RFC 8536, version 2 or later).
 *
 * A named zone is a table of moments at which its offset changes (`at`, ascending, with the offset that holds from
 * then on) and, for the time after the last of them, a rule of two dates a year in POSIX TZ form
 * ("CET-1CEST,M3.5.0,M10.5.0/3"). Before the first change its first standard offset holds. The bytes come from a file
 * that anybody may have written: every count is checked against what is there before memory is asked for. */
#include "data/private.h"

#define DAY_S 86400
#define TRANSITIONS_MAX 65536u
#define TYPES_MAX 256u
#define HEADER_BYTES 44u

const struct zone zone_utc = { .offset_s = 0, .rules = NULL, .name = STR_INIT("UTC") };

/* "UTC", "GMT" and "UT" may carry an offset; alone they are 0. */
bool zone_parse(struct str name, struct zone *ret)
{
    static const struct str prefixes[] = { STR_INIT("UTC"), STR_INIT("GMT"), STR_INIT("UT") };
    struct str rest = str_trim(name);
    int32_t offset = 0;
    if (rest.len == 0)
        return false;
    if (str_eq_nocase(rest, STR("Z"))) {
        *ret = (struct zone){ .name = name };
        return true;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct str head = { rest.ptr, prefixes[i].len };
        if (rest.len < head.len || !str_eq_nocase(head, prefixes[i]))
            continue;
        rest = (struct str){ rest.ptr + head.len, rest.len - head.len };
        break;
    }
    if (rest.len && !offset_parse(rest, &offset))
        return false;
    *ret = (struct zone){ .offset_s = offset, .name = name };
    return true;
}

/* One of the two changes of a year. */
struct yearly {
    char form; /* 'M': week `week` (5: last) of `month`, on `day` (0 Sunday); 'J': day 1-365, no leap day; 'N': 0-365 */
    int32_t month, week, day;
    int32_t time_s; /* local, may be negative or beyond a day */
};

struct zone_rules {
    uint32_t n;
    int64_t *at;
    int32_t *offsets;
    int32_t first_offset;
    bool has_tail, has_dst;
    int32_t standard_s, dst_s;
    struct yearly start, end;
};

struct tz_text {
    const char *at, *end;
};

static bool tz_char(struct tz_text *t, char want)
{
    if (t->at == t->end || *t->at != want)
        return false;
    t->at++;
    return true;
}

static bool tz_number(struct tz_text *t, int32_t max, int32_t *ret)
{
    const char *from = t->at;
    int32_t v = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && t->at - from < 4; t->at++)
        v = v * 10 + (*t->at - '0');
    *ret = v;
    return t->at > from && v <= max;
}

/* A name: three letters or more, or anything in <>. */
static bool tz_name(struct tz_text *t)
{
    const char *from = t->at;
    if (tz_char(t, '<')) {
        while (t->at < t->end && *t->at != '>')
            t->at++;
        return tz_char(t, '>');
    }
    while (t->at < t->end && ((*t->at | 0x20) >= 'a' && (*t->at | 0x20) <= 'z'))
        t->at++;
    return t->at - from >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static bool tz_time(struct tz_text *t, int32_t *ret)
{
    bool minus = tz_char(t, '-');
    if (!minus)
        (void)tz_char(t, '+');
    int32_t h, m = 0, s = 0;
    if (!tz_number(t, 167, &h))
        return false;
    if (tz_char(t, ':')) {
        if (!tz_number(t, 59, &m))
            return false;
        if (tz_char(t, ':') && !tz_number(t, 59, &s))
            return false;
    }
    int32_t v = h * 3600 + m * 60 + s;
    *ret = minus ? -v : v;
    return true;
}

static bool tz_yearly(struct tz_text *t, struct yearly *ret)
{
    struct yearly y = { .form = 'N', .time_s = 7200 };
    if (!tz_char(t, ','))
        return false;
    if (tz_char(t, 'M')) {
        y.form = 'M';
        if (!tz_number(t, 12, &y.month) || y.month < 1 || !tz_char(t, '.') || !tz_number(t, 5, &y.week) ||
            y.week < 1 || !tz_char(t, '.') || !tz_number(t, 6, &y.day))
            return false;
    } else {
        if (tz_char(t, 'J'))
            y.form = 'J';
        if (!tz_number(t, 365, &y.day) || (y.form == 'J' && y.day < 1))
            return false;
    }
    if (tz_char(t, '/') && !tz_time(t, &y.time_s))
        return false;
    *ret = y;
    return true;
}

/* The line at the end of the file; empty: no rule is known. POSIX counts offsets westward. */
static bool parse_tail(struct str text, struct zone_rules *r)
{
    struct tz_text t = { text.ptr, text.ptr + text.len };
    if (text.len == 0)
        return true;
    int32_t west;
    if (!tz_name(&t) || !tz_time(&t, &west))
        return false;
    r->standard_s = -west;
    r->has_tail = true;
    if (t.at == t.end)
        return true;
    if (!tz_name(&t))
        return false;
    r->dst_s = r->standard_s + 3600;
    if (t.at < t.end && *t.at != ',') {
        if (!tz_time(&t, &west))
            return false;
        r->dst_s = -west;
    }
    r->has_dst = true;
    return tz_yearly(&t, &r->start) && tz_yearly(&t, &r->end) && t.at == t.end;
}

static int64_t yearly_day(const struct yearly *y, int64_t year)
{
    if (y->form == 'N')
        return date_from_civil(year, 1, 1) + y->day;
    if (y->form == 'J') {
        bool after_leap_day = y->day >= 60 && date_days_in_month(year, 2) == 29;
        return date_from_civil(year, 1, 1) + y->day - 1 + after_leap_day;
    }
    int64_t first = date_from_civil(year, y->month, 1);
    int32_t shift = (y->day - date_day_of_week(first) % 7 + 7) % 7;
    int32_t day = shift + (y->week - 1) * 7;
    if (day >= date_days_in_month(year, y->month))
        day -= 7;
    return first + day;
}

static int32_t tail_offset(const struct zone_rules *r, int64_t utc_s)
{
    if (!r->has_dst)
        return r->standard_s;
    int64_t local = utc_s + r->standard_s, year;
    int32_t month, day;
    date_to_civil(local / DAY_S - (local % DAY_S < 0), &year, &month, &day);
    int64_t start = yearly_day(&r->start, year) * DAY_S + r->start.time_s - r->standard_s;
    int64_t end = yearly_day(&r->end, year) * DAY_S + r->end.time_s - r->dst_s;
    bool dst = start < end ? utc_s >= start && utc_s < end : utc_s >= start || utc_s < end;
    return dst ? r->dst_s : r->standard_s;
}

int32_t zone_offset_at(const struct zone *z, int64_t utc_ms)
{
    const struct zone_rules *r = z->rules;
    if (!r)
        return z->offset_s;
    int64_t utc_s = utc_ms / 1000 - (utc_ms % 1000 < 0);
    if (r->n == 0 || utc_s < r->at[0])
        return r->n == 0 && r->has_tail ? tail_offset(r, utc_s) : r->first_offset;
    if (utc_s >= r->at[r->n - 1] && r->has_tail)
        return tail_offset(r, utc_s);
    uint32_t low = 0, high = r->n; /* at[low] <= utc_s < at[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (r->at[middle] <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return r->offsets[low];
}

static int64_t minus_offset(int64_t local_ms, int32_t offset_s)
{
    int64_t v;
    if (__builtin_sub_overflow(local_ms, (int64_t)offset_s * 1000, &v))
        return offset_s > 0 ? INT64_MIN : INT64_MAX;
    return v;
}

/* The offsets a day before and a day after are the only two that can matter (changes lie further apart). In a gap
 * neither holds at its own moment: the earlier one then moves the time forward by the gap's length. */
int64_t zone_local_to_utc_ms(const struct zone *z, int64_t local_ms)
{
    if (!z->rules)
        return minus_offset(local_ms, z->offset_s);
    int32_t before = zone_offset_at(z, minus_offset(local_ms, DAY_S));
    int32_t after = zone_offset_at(z, minus_offset(local_ms, -DAY_S));
    int64_t utc = minus_offset(local_ms, before);
    if (before == after || zone_offset_at(z, utc) == before)
        return utc;
    int64_t later = minus_offset(local_ms, after);
    return zone_offset_at(z, later) == after ? later : utc;
}

int64_t zone_local_to_utc_last_ms(const struct zone *z, int64_t local_ms)
{
    int64_t first = zone_local_to_utc_ms(z, local_ms);
    if (!z->rules || first > INT64_MAX - DAY_S * INT64_C(1000))
        return first;
    int32_t before = zone_offset_at(z, first), after = zone_offset_at(z, first + DAY_S * INT64_C(1000));
    int64_t second = minus_offset(local_ms, after);
    return after < before && zone_offset_at(z, second) == after ? second : first;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The counts of a TZif header, in the order in which they stand. */
struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static bool read_header(struct reader *r, struct counts *ret, uint8_t *ret_version)
{
    const void *p;
    if (!read_bytes(r, HEADER_BYTES, &p) || memcmp(p, "TZif", 4) != 0)
        return false;
    const uint8_t *h = p;
    *ret_version = h[4];
    *ret = (struct counts){ be32(h + 20), be32(h + 24), be32(h + 28), be32(h + 32), be32(h + 36), be32(h + 40) };
    return ret->time <= TRANSITIONS_MAX && ret->type <= TYPES_MAX && ret->leap <= TRANSITIONS_MAX &&
           ret->chars <= TRANSITIONS_MAX && ret->isut <= TYPES_MAX && ret->isstd <= TYPES_MAX;
}

static size_t body_bytes(const struct counts *c, size_t time_bytes)
{
    return c->time * (time_bytes + 1) + c->type * (size_t)6 + c->chars + c->leap * (time_bytes + 4) + c->isstd +
           c->isut;
}

static enum status load_body(struct arena *a, const struct counts *c, const uint8_t *body, struct zone_rules *r,
                             struct error *err)
{
    const uint8_t *index = body + c->time * (size_t)8, *types = index + c->time;
    r->at = ARENA_ARRAY(a, int64_t, c->time + 1);
    r->offsets = ARENA_ARRAY(a, int32_t, c->time + 1);
    if (!r->at || !r->offsets)
        return budget_error(a->budget, c->time * (size_t)12, err);
    for (uint32_t i = 0; i < c->time; i++) {
        r->at[i] = (int64_t)((uint64_t)be32(body + i * (size_t)8) << 32 | be32(body + i * (size_t)8 + 4));
        if (index[i] >= c->type || (i && r->at[i] <= r->at[i - 1]))
            return error_set(err, ST_CORRUPT, "zone file: changes out of order or of unknown type");
        r->offsets[i] = (int32_t)be32(types + index[i] * (size_t)6);
    }
    r->n = c->time;
    r->first_offset = (int32_t)be32(types);
    for (uint32_t i = 0; i < c->type; i++)
        if ((int32_t)be32(types + i * (size_t)6) > 26 * 3600 || (int32_t)be32(types + i * (size_t)6) < -26 * 3600)
            return error_set(err, ST_CORRUPT, "zone file: an offset of more than 26 hours");
    return ST_OK;
}

enum status zone_load(struct arena *a, struct str name, struct str tzif, struct zone *ret, struct error *err)
{
    struct reader r = reader_make(tzif.ptr, tzif.len);
    struct counts c;
    uint8_t version;
    const void *p;
    if (!read_header(&r, &c, &version) || version < '2' || !read_bytes(&r, body_bytes(&c, 4), &p) ||
        !read_header(&r, &c, &version) || c.type == 0 || !read_bytes(&r, body_bytes(&c, 8), &p))
        return error_set(err, ST_CORRUPT, "zone file: no TZif data of version 2 or later, or too short");
    struct zone_rules *rules = ARENA_NEW(a, struct zone_rules);
    struct zone zone = { .rules = rules, .name = arena_str(a, name) };
    if (!rules || !zone.name.ptr)
        return budget_error(a->budget, sizeof *rules, err);
    TRY(load_body(a, &c, p, rules, err));
    struct str tail = { (const char *)r.at, (size_t)(r.end - r.at) };
    if (tail.len < 2 || tail.ptr[0] != '\n' || tail.ptr[tail.len - 1] != '\n')
        return error_set(err, ST_CORRUPT, "zone file: its last line is missing");
    if (!parse_tail((struct str){ tail.ptr + 1, tail.len - 2 }, rules))
        return error_set(err, ST_CORRUPT, "zone file: its last line is no rule of POSIX TZ form");
    *ret = zone;
    return ST_OK;
}
