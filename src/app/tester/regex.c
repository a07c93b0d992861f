/* Regular expressions of `statement error` and `failure`: POSIX extended ones, found anywhere in the message. */
#include <regex.h>

#include "tester/tester_private.h"

#define PATTERN_MAX 1000u

bool regex_matches(struct str pattern, struct str text, const char **ret_fault)
{
    char p[PATTERN_MAX + 1], t[4096];
    regex_t re;
    *ret_fault = NULL;
    if (pattern.len > PATTERN_MAX) {
        *ret_fault = "the regular expression is too long";
        return false;
    }
    size_t n = text.len < sizeof t - 1 ? text.len : sizeof t - 1;
    memcpy(p, pattern.ptr, pattern.len);
    p[pattern.len] = 0;
    memcpy(t, text.ptr, n);
    t[n] = 0;
    if (regcomp(&re, p, REG_EXTENDED | REG_NOSUB) != 0) {
        *ret_fault = "the regular expression cannot be read";
        return false;
    }
    bool found = regexec(&re, t, 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}
