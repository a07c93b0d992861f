/* Keywords: one sorted table, searched by halves without case; and the guess which keyword somebody
 * meant. The guess looks only at the words that could stand at that place (the error's own phrase names
 * them in upper case), because the nearest of all five hundred words is nearly always nonsense. */
#include "syntax/parser.h"

struct word_row {
    struct str text;
    unsigned flags;
};

#define WORD_ROW(word, flags) { STR_INIT(#word), flags },
static const struct word_row rows[] = { { STR_INIT(""), 0 }, SYNTAX_WORDS(WORD_ROW) };
#undef WORD_ROW

enum { WORD_MAX_LEN = 40 };

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

enum word word_find(struct str s)
{
    char text[WORD_MAX_LEN];
    if (s.len == 0 || s.len > sizeof text)
        return NO_WORD;
    for (size_t i = 0; i < s.len; i++)
        text[i] = upper(s.ptr[i]);
    struct str key = { text, s.len };
    uint32_t low = 1, high = WORD_COUNT;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        /* by bytes and then by length, which is the order of the table */
        size_t common = key.len < rows[mid].text.len ? key.len : rows[mid].text.len;
        int order = memcmp(key.ptr, rows[mid].text.ptr, common);
        if (order == 0)
            order = key.len < rows[mid].text.len ? -1 : key.len > rows[mid].text.len;
        if (order == 0)
            return (enum word)mid;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NO_WORD;
}

struct str word_text(enum word w)
{
    return rows[w].text;
}

unsigned word_flags(enum word w)
{
    return rows[w].flags;
}

/* The unit of time that a word names, also in the spelling of JDBC (SQL_TSI_DAY); empty: none. */
struct str time_unit(struct str s)
{
    static const struct str units[] = {
        STR_INIT("YEAR"), STR_INIT("QUARTER"), STR_INIT("MONTH"), STR_INIT("WEEK"), STR_INIT("DAY"),
        STR_INIT("HOUR"), STR_INIT("MINUTE"), STR_INIT("SECOND"), STR_INIT("MILLISECOND"), STR_INIT("MICROSECOND"),
        STR_INIT("NANOSECOND"), STR_INIT("DOW"), STR_INIT("DOY"), STR_INIT("ISODOW"), STR_INIT("ISOYEAR"),
        STR_INIT("EPOCH"), STR_INIT("DECADE"), STR_INIT("CENTURY"), STR_INIT("MILLENNIUM"),
        STR_INIT("DAYOFWEEK"), STR_INIT("DAYOFYEAR"),
    };
    struct str prefix = STR("SQL_TSI_");
    if (str_eq_nocase(s, STR("FRAC_SECOND")))
        return STR("MICROSECOND");
    if (str_eq_nocase(s, STR("SQL_TSI_FRAC_SECOND")))
        return STR("NANOSECOND");
    if (s.len > prefix.len && str_eq_nocase((struct str){ s.ptr, prefix.len }, prefix))
        s = (struct str){ s.ptr + prefix.len, s.len - prefix.len };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eq_nocase(s, units[i]))
            return units[i];
    return (struct str){ 0 };
}

/* Keeps the guess from being too free with short words: two letters are never a slip, and the lengths
 * differ by two at most. */
static bool may_be_slip(struct str a, struct str b)
{
    return a.len >= 3 && a.len <= b.len + 2 && b.len <= a.len + 2;
}

struct str word_slip(struct str found, const char *phrase)
{
    struct str names[64];
    size_t count = 0;
    for (const char *at = phrase; *at && count < 64;) {
        size_t n = 0;
        while ((at[n] >= 'A' && at[n] <= 'Z') || at[n] == '_')
            n++;
        if (n >= 2) {
            struct str word = { at, n };
            if (str_eq_nocase(word, found))
                return (struct str){ 0 };
            if (may_be_slip(found, word))
                names[count++] = word;
        }
        at += n ? n : 1;
    }
    return count ? str_nearest(found, names, count) : (struct str){ 0 };
}

const char *const *syn_keywords(uint32_t *ret_count)
{
#define WORD_TEXT(word, flags) #word,
    static const char *const texts[] = { SYNTAX_WORDS(WORD_TEXT) };
#undef WORD_TEXT
    *ret_count = sizeof texts / sizeof *texts;
    return texts;
}

bool syn_is_reserved(struct str word)
{
    return (rows[word_find(word)].flags & RES) != 0;
}
