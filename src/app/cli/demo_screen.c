/* The demo's rows and their picture.
 *
 * Rows come as CSV lines with the name of their table in front. They are kept as what they add up to: regions by name,
 * days in order, the last alerts. The picture is lines of at most the terminal's width: regions with bars beside days
 * where both have room, alerts below. Whoever draws moves the cursor up over the last picture. */
#include "cli/demo.h"

#include <inttypes.h>
#include <stdio.h>

#define FIELDS_MAX 8u
#define SHOWN_REGIONS 10u
#define BAR_MAX 16u

struct fields {
    char text[FIELDS_MAX][DEMO_TEXT];
    uint32_t n;
};

/* One CSV record into fields that are cut where they are too long. */
static void read_fields(struct str s, struct fields *f)
{
    bool quoted = false;
    size_t len = 0;
    memset(f, 0, sizeof *f);
    f->n = 1;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (ch == '"' && quoted && i + 1 < s.len && s.ptr[i + 1] == '"') {
            i++;
        } else if (ch == '"') {
            quoted = !quoted;
            continue;
        } else if (ch == ',' && !quoted) {
            if (f->n == FIELDS_MAX)
                return;
            f->n++;
            len = 0;
            continue;
        }
        if (len + 1 < DEMO_TEXT && (unsigned char)ch >= 0x20 && ch != 0x7F)
            f->text[f->n - 1][len++] = ch;
    }
}

static double real(const char *s)
{
    double v = 0;
    return str_to_f64(str_from(s), &v) ? v : 0;
}

static int64_t whole(const char *s)
{
    int64_t v = 0;
    return str_to_i64(str_from(s), &v) ? v : 0;
}

/* The row of `name`, made when there is room; NULL: none left. */
static struct demo_row *row_of(struct demo_row *rows, uint32_t *n, uint32_t room, const char *name)
{
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    if (*n == room)
        return NULL;
    struct demo_row *r = &rows[(*n)++];
    *r = (struct demo_row){ 0 };
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

static void take_region(struct demo_model *m, const struct fields *f)
{
    struct demo_row *r = row_of(m->regions, &m->n_regions, DEMO_REGIONS, f->text[1]);
    if (!r)
        return;
    r->quakes = whole(f->text[2]);
    r->strongest = real(f->text[3]);
}

static void take_day(struct demo_model *m, const struct fields *f)
{
    char day[DEMO_TEXT];
    snprintf(day, sizeof day, "%.10s", f->text[0]);
    struct demo_row *r = row_of(m->days, &m->n_days, DEMO_DAYS, day);
    if (!r)
        return;
    r->quakes = whole(f->text[1]);
    r->strongest = real(f->text[2]);
    r->felt = whole(f->text[3]);
}

static void take_alert(struct demo_model *m, const struct fields *f)
{
    if (m->n_alerts == DEMO_ALERTS)
        memmove(m->alerts, m->alerts + 1, (DEMO_ALERTS - 1) * sizeof m->alerts[0]);
    else
        m->n_alerts++;
    struct demo_alert *a = &m->alerts[m->n_alerts - 1];
    snprintf(a->happened, sizeof a->happened, "%.16s", f->text[0]);
    snprintf(a->place, sizeof a->place, "%s", f->text[3]);
    a->mag = real(f->text[1]);
    a->depth_km = real(f->text[2]);
    m->all_alerts++;
}

/* Which table a line belongs to, and its fields; DEMO_OTHER for heads and for rows that are taken back. */
static enum demo_line read_line(struct str line, struct fields *f)
{
    static const struct {
        struct str lead;
        enum demo_line kind;
        uint32_t fields;
    } kinds[] = { { STR_INIT("alert> "), DEMO_ALERT, 4 },
                  { STR_INIT("day> "), DEMO_DAY, 4 },
                  { STR_INIT("region> "), DEMO_REGION, 4 } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_starts(line, kinds[i].lead))
            continue;
        read_fields(str_make(line.ptr + kinds[i].lead.len, line.len - kinds[i].lead.len), f);
        bool head =
            strcmp(f->text[0], "op") == 0 || strcmp(f->text[0], "happened") == 0 || strcmp(f->text[0], "starts") == 0;
        bool gone = f->text[0][0] == '-';
        return f->n == kinds[i].fields && !head && !gone ? kinds[i].kind : DEMO_OTHER;
    }
    return DEMO_OTHER;
}

enum demo_line demo_take(struct demo_model *m, struct str line)
{
    static void (*const takes[])(struct demo_model *, const struct fields *) = { NULL, take_alert, take_day,
                                                                                 take_region };
    struct fields f;
    enum demo_line kind = read_line(line, &f);
    if (takes[kind])
        takes[kind](m, &f);
    return kind;
}

bool demo_say(struct buf *out, struct str line)
{
    struct fields f;
    switch (read_line(line, &f)) {
    case DEMO_ALERT:
        return buf_printf(out, "alert   %.16s  M %.1f  %s, %.0f km deep\n", f.text[0], real(f.text[1]), f.text[3],
                          real(f.text[2]));
    case DEMO_DAY:
        return buf_printf(out, "day     %.10s  %s quakes, strongest M %.1f, %s from M 2.5\n", f.text[0], f.text[1],
                          real(f.text[2]), f.text[3]);
    case DEMO_REGION:
        return buf_printf(out, "region  %-24s  %s quake%s, strongest M %.1f\n", f.text[1], f.text[2],
                          strcmp(f.text[2], "1") == 0 ? "" : "s", real(f.text[3]));
    default:
        return true;
    }
}

/* ---- the picture ---- */

/* Regions with most quakes, by a few rounds of choosing the next. */
static uint32_t top_regions(const struct demo_model *m, const struct demo_row *ret[SHOWN_REGIONS])
{
    uint32_t n = 0;
    while (n < SHOWN_REGIONS) {
        const struct demo_row *best = NULL;
        for (uint32_t i = 0; i < m->n_regions; i++) {
            const struct demo_row *r = &m->regions[i];
            bool shown = false;
            for (uint32_t k = 0; k < n; k++)
                shown |= ret[k] == r;
            if (!shown && (!best || r->quakes > best->quakes))
                best = r;
        }
        if (!best)
            break;
        ret[n++] = best;
    }
    return n;
}

static const char *magnitude_style(bool colour, double mag)
{
    return cli_style(colour, mag >= 6 ? STYLE_RED : mag >= 5 ? STYLE_YELLOW : STYLE_PLAIN);
}

/* In eighths of a block. */
static bool put_bar(struct buf *out, int64_t n, int64_t most, uint32_t width, bool colour)
{
    static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    uint32_t eighths = most > 0 ? (uint32_t)((double)n * width * 8 / (double)most + 0.5) : 0, cells = eighths / 8;
    bool ok = buf_printf(out, "%s", cli_style(colour, STYLE_CYAN));
    for (uint32_t i = 0; ok && i < cells; i++)
        ok = buf_printf(out, "█");
    ok = ok && buf_printf(out, "%s%s", parts[eighths % 8], cli_style(colour, STYLE_PLAIN));
    cells += eighths % 8 != 0;
    for (; ok && cells < width; cells++)
        ok = buf_put_u8(out, ' ');
    return ok;
}

static bool put_region(struct buf *out, const struct demo_row *r, int64_t most, uint32_t bar, bool colour)
{
    if (!r)
        return buf_printf(out, " %*s", (int)(36 + bar), "");
    return buf_printf(out, " %-20.20s %6" PRId64 "  %sM %3.1f%s ", r->name, r->quakes,
                      magnitude_style(colour, r->strongest), r->strongest, cli_style(colour, STYLE_PLAIN)) &&
           put_bar(out, r->quakes, most, bar, colour) && buf_put_u8(out, ' ');
}

static bool put_day(struct buf *out, const struct demo_row *r, bool colour)
{
    return buf_printf(out, "  %s %6" PRId64 "  %sM %3.1f%s", r->name, r->quakes, magnitude_style(colour, r->strongest),
                      r->strongest, cli_style(colour, STYLE_PLAIN));
}

static bool put_tables(struct buf *out, const struct demo_model *m, const struct demo_frame *f)
{
    const struct demo_row *top[SHOWN_REGIONS] = { 0 };
    uint32_t n = top_regions(m, top);
    bool both = f->columns >= 67;
    uint32_t bar = f->columns >= 79 ? BAR_MAX : both ? 4 : f->columns >= 46 ? 8 : 0;
    const char *bold = cli_style(f->colour, STYLE_BOLD), *plain = cli_style(f->colour, STYLE_PLAIN);
    bool ok = buf_printf(out, " %s%-20s %6s  %-5s%s%*s", bold, "region", "quakes", "most", plain,
                         both ? (int)bar + 2 : 0, "");
    if (ok && both)
        ok = buf_printf(out, "  %s%-10s %6s  %s%s", bold, "day", "quakes", "most", plain);
    ok = ok && buf_printf(out, "\n");
    for (uint32_t i = 0; ok && i < SHOWN_REGIONS; i++) {
        ok = put_region(out, i < n ? top[i] : NULL, n ? top[0]->quakes : 0, bar, f->colour);
        if (ok && both && i < m->n_days)
            ok = put_day(out, &m->days[i], f->colour);
        ok = ok && buf_printf(out, "\n");
    }
    return ok;
}

static bool put_alerts(struct buf *out, const struct demo_model *m, const struct demo_frame *f)
{
    bool ok = buf_printf(out, "\n %salerts: M 5 and more%s, %" PRIu64 " so far\n",
                         cli_style(f->colour, STYLE_BOLD), cli_style(f->colour, STYLE_PLAIN), m->all_alerts);
    int place = f->columns > 30 ? (int)f->columns - 30 : 1;
    for (uint32_t i = 0; ok && i < DEMO_ALERTS; i++) {
        const struct demo_alert *a = &m->alerts[i];
        ok = i >= m->n_alerts
                 ? buf_printf(out, "\n")
                 : buf_printf(out, " %s  %sM %3.1f%s  %.*s\n", a->happened, magnitude_style(f->colour, a->mag),
                              a->mag, cli_style(f->colour, STYLE_PLAIN), place, a->place);
    }
    return ok;
}

bool demo_draw(struct buf *out, const struct demo_model *m, const struct demo_frame *f)
{
    const char *dim = cli_style(f->colour, STYLE_DIM), *plain = cli_style(f->colour, STYLE_PLAIN);
    int room = f->columns > 2 ? (int)f->columns - 2 : 1;
    return buf_printf(out, " %sa week of earthquakes%s%s%s\n\n", cli_style(f->colour, STYLE_BOLD), plain,
                      *f->when ? ", days closed up to " : "", f->when) &&
           put_tables(out, m, f) && put_alerts(out, m, f) &&
           buf_printf(out, "\n %s%.*s%s\n", dim, room, f->status, plain);
}
