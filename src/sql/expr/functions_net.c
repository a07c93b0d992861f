/* Addresses: PARSE_URL as java.net.URL takes addresses apart, INET_ATON, INET_NTOA.
 *
 *     protocol ':' [ '//' [user '@'] host [':' port] ] path [ '?' query ] [ '#' ref ]
 *
 * Java knows the protocols below; an address of another one, or without one, is none: all its parts are NULL. */
#include <ctype.h>

#include "expr/expr_private.h"

struct url {
    struct str protocol; /* as written */
    struct str authority, user, host, path, query, ref; /* ptr NULL: not there */
    struct str file;                                   /* path and query as they stand */
};

static bool known_protocol(struct str s)
{
    static const struct str known[] = { STR_INIT("http"), STR_INIT("https"), STR_INIT("ftp"), STR_INIT("file"),
                                        STR_INIT("mailto") };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_nocase(s, known[i]))
            return true;
    return false;
}

static struct str part(struct str s, size_t from, size_t to) { return str_make(s.ptr + from, to - from); }

/* A number of up to nine digits; −1 is Java's word for none. */
static bool port_fits(struct str s)
{
    int64_t v;
    return s.len == 0 || (str_to_i64(s, &v) && v >= -1 && v <= INT32_MAX);
}

/* Hexadecimal groups, colons, and a dotted tail: what may stand in brackets. */
static bool looks_ipv6(struct str s)
{
    size_t colons = 0;
    for (size_t i = 0; i < s.len && s.ptr[i] != '%'; i++) {
        if (!isxdigit((unsigned char)s.ptr[i]) && s.ptr[i] != ':' && s.ptr[i] != '.')
            return false;
        colons += s.ptr[i] == ':';
    }
    return colons >= 2 && colons <= 8;
}

static bool take_host(struct url *u, struct str host)
{
    int64_t colon;
    if (host.len && host.ptr[0] == '[') {
        int64_t end = str_find(host, STR("]"), 0);
        if (end <= 2 || !looks_ipv6(part(host, 1, (size_t)end)))
            return false;
        u->host = part(host, 0, (size_t)end + 1);
        if ((size_t)end + 1 == host.len)
            return true;
        return host.ptr[end + 1] == ':' && port_fits(part(host, (size_t)end + 2, host.len));
    }
    colon = str_find(host, STR(":"), 0);
    u->host = colon < 0 ? host : part(host, 0, (size_t)colon);
    return colon < 0 || port_fits(part(host, (size_t)colon + 1, host.len));
}

/* s: behind "//" up to the path or query */
static bool take_authority(struct url *u, struct str s)
{
    int64_t at = str_find(s, STR("@"), 0);
    u->authority = s;
    if (at < 0)
        return take_host(u, s);
    if (str_find(s, STR("@"), (size_t)at + 1) >= 0) {
        u->host = STR("");
        return true;
    }
    u->user = part(s, 0, (size_t)at);
    return take_host(u, part(s, (size_t)at + 1, s.len));
}

static struct str trim_controls(struct str s)
{
    while (s.len && (uint8_t)s.ptr[0] <= ' ')
        s = part(s, 1, s.len);
    while (s.len && (uint8_t)s.ptr[s.len - 1] <= ' ')
        s.len--;
    return s;
}

static bool url_parse(struct str s, struct url *ret)
{
    struct url u = { 0 };
    s = trim_controls(s);
    if (s.len >= 4 && str_eq_nocase(part(s, 0, 4), STR("url:")))
        s = part(s, 4, s.len);
    size_t colon = 0;
    while (colon < s.len && s.ptr[colon] != ':' && s.ptr[colon] != '/' && s.ptr[colon] != '#')
        colon++;
    if (colon == s.len || s.ptr[colon] != ':' || !known_protocol(part(s, 0, colon)))
        return false;
    u.protocol = part(s, 0, colon);
    s = part(s, colon + 1, s.len);
    int64_t hash = str_find(s, STR("#"), 0);
    if (hash >= 0) {
        u.ref = part(s, (size_t)hash + 1, s.len);
        s = part(s, 0, (size_t)hash);
    }
    u.host = STR("");
    bool mail = str_eq_nocase(u.protocol, STR("mailto"));
    if (mail && str_trim(s).len == 0)
        return false;
    struct str all = s;
    int64_t mark = str_find(s, STR("?"), 0);
    for (int64_t later = mark; mail && later >= 0; later = str_find(s, STR("?"), (size_t)later + 1))
        mark = later;
    if (mark >= 0) {
        u.query = part(s, (size_t)mark + 1, s.len);
        s = part(s, 0, (size_t)mark);
    }
    if (!mail && s.len >= 2 && memcmp(s.ptr, "//", 2) == 0 && !(s.len >= 4 && memcmp(s.ptr, "////", 4) == 0)) {
        int64_t slash = str_find(s, STR("/"), 2);
        size_t end = slash < 0 ? s.len : (size_t)slash;
        if (!take_authority(&u, part(s, 2, end)))
            return false;
        all = part(all, end, all.len);
        s = part(s, end, s.len);
    }
    u.path = s;
    u.file = all;
    *ret = u;
    return true;
}

static const struct {
    struct str name;
    size_t offset;
} parts[] = {
    { STR_INIT("HOST"), offsetof(struct url, host) },         { STR_INIT("PATH"), offsetof(struct url, path) },
    { STR_INIT("QUERY"), offsetof(struct url, query) },       { STR_INIT("REF"), offsetof(struct url, ref) },
    { STR_INIT("PROTOCOL"), offsetof(struct url, protocol) }, { STR_INIT("FILE"), offsetof(struct url, file) },
    { STR_INIT("AUTHORITY"), offsetof(struct url, authority) }, { STR_INIT("USERINFO"), offsetof(struct url, user) },
};

/* ptr NULL: not there */
static struct str url_part(const struct url *u, struct str name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (str_eq(name, parts[i].name))
            return *(const struct str *)(const void *)((const char *)u + parts[i].offset);
    return (struct str){ 0 };
}

/* key=value of a query */
static struct str query_value(struct str query, struct str key)
{
    struct str rest = query;
    while (rest.ptr) {
        struct str pair = str_split(&rest, '&');
        if (pair.len > key.len && pair.ptr[key.len] == '=' && memcmp(pair.ptr, key.ptr, key.len) == 0)
            return part(pair, key.len + 1, pair.len);
    }
    return (struct str){ 0 };
}

static enum status parse_url(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct url u;
        struct str found = { 0 }, name = arg_str(k, 1, r);
        if (url_parse(arg_str(k, 0, r), &u))
            found = url_part(&u, name);
        if (found.ptr && k->n_args == 3)
            found = str_eq(name, STR("QUERY")) ? query_value(found, arg_str(k, 2, r)) : (struct str){ 0 };
        if (!found.ptr) {
            column_set_null(k->out, r);
        } else if (str_eq(name, STR("PROTOCOL"))) {
            char lower[8];
            for (size_t i = 0; i < found.len; i++)
                lower[i] = (char)tolower((unsigned char)found.ptr[i]);
            TRY(kernel_put_str(k, r, lower, found.len));
        } else {
            TRY(kernel_put_str(k, r, found.ptr, found.len));
        }
    }
    return ST_OK;
}

/* a, a.b, a.b.c or a.b.c.d; a missing part in the middle is 0. */
static bool inet_parse(struct str s, int64_t *ret)
{
    int64_t parts_of[4], v = 0;
    uint32_t n = 0;
    size_t from = 0;
    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.ptr[i] != '.') {
            if (!isdigit((unsigned char)s.ptr[i]))
                return false;
            v = v * 10 + (s.ptr[i] - '0');
            if (v > UINT32_MAX)
                return false;
            continue;
        }
        if (n == 4 || from == i)
            return false;
        parts_of[n++] = v;
        v = 0;
        from = i + 1;
    }
    int64_t address = 0;
    for (uint32_t i = 0; i < n && n > 1; i++) {
        if (parts_of[i] > 255)
            return false;
        address |= parts_of[i] << (i + 1 == n ? 0 : 24 - 8 * i);
    }
    *ret = n == 1 ? parts_of[0] : address;
    return true;
}

static enum status inet_aton(struct kernel *k)
{
    EACH_ROW(k, r)
    if (!inet_parse(arg_str(k, 0, r), &k->out->i64[r]))
        column_set_null(k->out, r);
    return ST_OK;
}

static enum status inet_ntoa(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t v = arg_i64(k, 0, r);
        char text[48];
        size_t n = 0;
        if (v < 0 || v > UINT32_MAX) {
            column_set_null(k->out, r);
            continue;
        }
        for (int shift = 24; shift >= 0; shift -= 8) {
            n += i64_print(v >> shift & 255, text + n);
            if (shift)
                text[n++] = '.';
        }
        TRY(kernel_put_str(k, r, text, n));
    }
    return ST_OK;
}

const struct function functions_net[] = {
    { .name = "PARSE_URL", .signature = "PARSE_URL(url, part [, key])",
      .help = "HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO; of QUERY also one key's value.",
      .example = "PARSE_URL('http://example.org/a?k=v', 'QUERY', 'k')", .types = "ss?s=s",
      .flags = FN_STRICT | FN_NULLABLE, .kernel = parse_url },
    { .name = "INET_ATON", .signature = "INET_ATON(text)", .help = "The number of an IPv4 address; NULL when it is none.",
      .example = "INET_ATON('127.0.0.1')", .types = "s=l", .flags = FN_STRICT | FN_NULLABLE, .kernel = inet_aton },
    { .name = "INET_NTOA", .signature = "INET_NTOA(number)", .help = "The IPv4 address of a number.",
      .example = "INET_NTOA(2130706433)", .types = "l=s", .flags = FN_STRICT | FN_NULLABLE, .kernel = inet_ntoa },
    { .name = NULL },
};
