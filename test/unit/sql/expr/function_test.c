/* Functions: a table of calls and their values, and what the function table says of itself. An argument is written
 * 'text, a number, ?TYPE for NULL, @date, ~time, $timestamp, !TIMESTAMP_LTZ(3) in ms, &binary; separated by '|'. */
#include "expr_help.h"

static const struct {
    const char *name, *args, *want; /* "!" starts an error's status */
} table[] = {
    /* text */
    { "UPPER", "'stra\xC3\xA4", "STRA\xC3\x84" },
    { "LOWER", "'STRING", "string" },
    { "INITCAP", "'fLinK is-here 2x", "Flink Is-Here 2x" },
    { "||", "'a|'b", "ab" },
    { "||", "'a|?STRING", "NULL" },
    { "CONCAT", "'Beginning|' Middle |'Ending", "Beginning Middle Ending" },
    { "CONCAT_WS", "'~~|'Flink|?STRING|'xx|?STRING", "Flink~~xx" },
    { "CONCAT_WS", "?STRING|'a", "NULL" },
    { "SUBSTRING", "'abc|0", "abc" },
    { "SUBSTRING", "'abc|-2", "bc" },
    { "SUBSTRING", "'abc|-5", "" },
    { "SUBSTRING", "'hello world|2|3", "ell" },
    { "SUBSTR", "'hello|2|300", "ello" },
    { "SUBSTRING", "'abc|1|-1", "NULL" },
    { "SUBSTRING", "'\xC3\xA4\xC3\xB6\xC3\xBC|2|1", "\xC3\xB6" },
    { "CHAR_LENGTH", "'\xF0\x9F\x98\x80\xC3\xB6", "2" },
    { "TRIM", "'BOTH|'x|'xxaxx", "a" },
    { "TRIM", "'  a ", "a" },
    { "TRIM", "'LEADING|'  a ", "a " },
    { "LTRIM", "'abcddcba|'abc", "ddcba" },
    { "RTRIM", "'This is a test String.|'String. ", "This is a tes" },
    { "BTRIM", "' \xF0\x9F\x98\x80w \xF0\x9F\x98\x80|' \xF0\x9F\x98\x80", "w" },
    { "REPLACE", "'hello|'l|'LL", "heLLLLo" },
    { "REPLACE", "'ab|'|'-", "-a-b-" },
    { "POSITION", "'STR|'aSTRING", "2" },
    { "LOCATE", "'a|'banana|3", "4" },
    { "LOCATE", "'x|'banana", "0" },
    { "INSTR", "'Corporate Floor|'or|3|2", "14" },
    { "INSTR", "'Corporate Floor|'or|-3|2", "2" },
    { "INSTR", "'abc|'c|1|0", "!EXPRESSION" },
    { "LEFT", "'hello|2", "he" },
    { "LEFT", "'hello|-2", "" },
    { "RIGHT", "'hello|2", "lo" },
    { "RIGHT", "'hello|20", "hello" },
    { "LPAD", "'hi|5|'??", "???hi" },
    { "LPAD", "'hi|1|'??", "h" },
    { "LPAD", "'hi|-1|'??", "NULL" },
    { "RPAD", "'\xC3\xA4|4|'12", "\xC3\xA4""121" },
    { "REPEAT", "'ab|3", "ababab" },
    { "REPEAT", "'ab|-3", "" },
    { "REPEAT", "'ab|2000000000", "!EXPRESSION" },
    { "REVERSE", "'a\xC3\xA4", "\xC3\xA4""a" },
    { "SPLIT_INDEX", "'https://www.nexmark.com/a/b|'/|3", "a" },
    { "SPLIT_INDEX", "'a/b|'/|2", "NULL" },
    { "SPLIT_INDEX", "'a/b|'/|-1", "NULL" },
    { "SPLIT_INDEX", "'a/b|47|1", "b" },
    /* separators at both sides of the sixteenth byte, and in the last piece of fewer */
    { "SPLIT_INDEX", "'0123456789abcde/g|'/|1", "g" },
    { "SPLIT_INDEX", "'0123456789abcdef/h|'/|1", "h" },
    { "SPLIT_INDEX", "'0123456789abcdef/h|'/|0", "0123456789abcdef" },
    { "SPLIT_INDEX", "'/123456789abcdef/h/jk/mnop/|'/|4", "mnop" },
    { "SPLIT_INDEX", "'/123456789abcdef/h/jk/mnop/|'/|5", "" },
    { "SPLIT_INDEX", "'/123456789abcdef/h/jk/mnop/|'/|6", "NULL" },
    /* the first 64 bytes are looked at together, what lies behind 16 by 16; parts of 12 bytes and of 13 */
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|5", "123456789" },
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|6", "12345" },
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|7", "789" },
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|8", "" },
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|9", "NULL" },
    { "SPLIT_INDEX", "'0123456789/123456789/123456789/123456789/123456789/123456789/12345/789/|'/|64", "NULL" },
    { "SPLIT_INDEX", "'////////////////////////////////////////////////////////////////x/|'/|64", "x" },
    { "SPLIT_INDEX", "'/123456789ab/123456789abc/|'/|1", "123456789ab" },
    { "SPLIT_INDEX", "'/123456789abc/123456789abcd/|'/|1", "123456789abc" },
    { "SPLIT_INDEX", "'/123456789abc/123456789abcd/|'/|2", "123456789abcd" },
    { "SPLIT_INDEX", "'a::b::c|'::|1", "b" }, /* more than a byte */
    { "SPLIT_INDEX", "'a:::b|'::|1", ":b" },
    { "SPLIT_INDEX", "'a::|'::|1", "" },
    { "SPLIT_INDEX", "'a::|'::|2", "NULL" },
    { "COUNT_CHAR", "'banana|'a", "3" },
    { "COUNT_CHAR", "?STRING|'a", "0" },
    { "ASCII", "'efg", "101" },
    { "CHR", "353", "a" },
    { "OVERLAY", "'This is a old string|'new|11|3", "This is a new string" },
    { "TRANSLATE", "'www.apache.org|'abcde.|'123", "www1p13horg" },
    { "IS_ALPHA", "'abc", "TRUE" },
    { "IS_DIGIT", "'12a", "FALSE" },
    { "TO_BASE64", "'hello world", "aGVsbG8gd29ybGQ=" },
    { "FROM_BASE64", "'aGVsbG8gd29ybGQ=", "hello world" },
    { "HEX", "'\xC3\xB6", "C3B6" },
    { "HEX", "-1", "FFFFFFFFFFFFFFFF" },
    { "UNHEX", "'4142", "AB" },
    { "BIN", "42", "101010" },
    { "MD5", "'test", "098f6bcd4621d373cade4e832627b4f6" },
    { "SHA1", "'abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "SHA224", "'", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f" },
    { "SHA256", "'test", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
    { "SHA2", "'|384",
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b" },
    { "SHA512", "'abc",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
      "2a9ac94fa54ca49f" },
    { "MD5", "'a text of sixty-four bytes: its padding takes a block for itself", "07657a5c48897765275e45af00d02949" },
    { "SHA2", "'a|100", "!EXPRESSION" },
    { "STARTSWITH", "'abc|'ab", "TRUE" },
    { "ENDSWITH", "&616263|&63", "TRUE" },
    { "STARTSWITH", "'abc|&61", "!SEMANTIC" },
    { "UPPER", "1", "!SEMANTIC" },
    { "UPPER", "'a|'b", "!SEMANTIC" },
    /* patterns */
    { "LIKE", "'abcxxxdef|'abc%def", "TRUE" },
    { "LIKE", "'abcxxxdef|'abc%qef%", "FALSE" },
    { "LIKE", "'TE_ST|'%E\\_S%", "FALSE" },
    { "LIKE", "'TE_ST|'%E#_S%|'#", "TRUE" },
    { "LIKE", "'TE-ST|'%E#_S%|'#", "FALSE" },
    { "LIKE", "'TE-ST|'%E&-S%|'&", "!EXPRESSION" },
    { "LIKE", "'TE-ST|'%E_S%|'ab", "!EXPRESSION" },
    { "LIKE", "'\xC3\xA4""b|'_b", "TRUE" },
    { "LIKE", "'|'%", "TRUE" },
    { "LIKE", "'a|'", "FALSE" },
    { "LIKE", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|'%a%a%a%a%a%a%a%a%a%a%a%b", "FALSE" },
    { "SIMILAR TO", "'This is a test String.|'This (is)? a (test)+ Strin_*", "TRUE" },
    { "SIMILAR TO", "'TEST|'(A|TE)%T", "TRUE" },
    { "REGEXP", "'100-200|'(\\d+)", "TRUE" },
    { "REGEXP", "'abc|'", "FALSE" },
    { "REGEXP_EXTRACT", "'foothebar|'foo(.*?)(bar)|1", "the" },
    { "REGEXP_EXTRACT", "'foothebar|'foo(.*?)(bar)|3", "NULL" },
    { "REGEXP_EXTRACT", "'channel_id=7&x|'(&|^)channel_id=([^&]*)|2", "7" },
    { "REGEXP_EXTRACT", "'a|'(", "NULL" },
    /* parts that every match must hold, or only seems to have to */
    { "REGEXP", "'xcd|'ab?(cd)", "FALSE" },
    { "REGEXP", "'acd|'ab?(cd)", "TRUE" },
    { "REGEXP", "'acd|'ab{0,2}cd", "TRUE" },
    { "REGEXP", "'aacd|'ab*cd", "TRUE" },
    { "REGEXP", "'acd|'ab+cd", "FALSE" },
    { "REGEXP", "'xyz|'abc|xyz", "TRUE" },
    { "REGEXP", "'xyz|'(abc|xyz)", "TRUE" },
    { "REGEXP", "'ABC|'(?i)abc", "TRUE" },
    { "REGEXP", "'b]c|'a*[]x]c", "TRUE" },
    { "REGEXP", "'xz|'x\xC3\xA4?z", "TRUE" },
    { "REGEXP", "'a.b|'a\\.b", "TRUE" },
    { "REGEXP_EXTRACT", "'abc|'\\p{Lower}+", "abc" },
    { "REGEXP_EXTRACT", "'abc|'[\\p{Alpha}&&[^b]]", "!EXPRESSION" },
    { "REGEXP_EXTRACT", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!|'^(([a-z])+.)+[A-Z]([a-z])+$", "!EXPRESSION" },
    { "REGEXP_REPLACE", "'fooobar|'oo|'$", "f$obar" },
    { "REGEXP_REPLACE", "'ab|'x*|'-", "-a-b-" },
    { "REGEXP_COUNT", "'a.b.c.d|'\\.", "3" },
    { "REGEXP_INSTR", "'abc123|'\\d", "4" },
    { "REGEXP_EXTRACT_ALL", "'100-200, 300-400|'(\\d+)-(\\d+)|2", "[200, 400]" },
    /* numbers */
    { "+", "2147483647|1", "-2147483648" },
    { "/", "-7|2", "-3" },
    { "%", "-7|3", "-1" },
    { "MOD", "7|-3", "1" },
    { "/", "1|0", "!EXPRESSION" },
    { "/", "1|0.00", "!EXPRESSION" },
    { "/", "1e0|0", "!EXPRESSION" },
    { "/", "1.0|8.0", "0.125000" },
    { "*", "99999999999999999999|99999999999999999999", "NULL" },
    { "+", "0.1|0.25", "0.35" },
    { "ABS", "-4.5", "4.5" },
    { "SIGN", "-5", "-1" },
    { "SIGN", "-5.25", "-1.00" },
    { "FLOOR", "-2.5", "-3" },
    { "CEIL", "2.5", "3" },
    { "CEILING", "25e-1", "3.0" },
    { "ROUND", "-125.315|2", "-125.32" },
    { "ROUND", "646.646|-2", "600" },
    { "ROUND", "123|-2", "100" },
    { "ROUND", "2.5e0", "3.0" },
    { "TRUNCATE", "42.345", "42" },
    { "TRUNCATE", "44|-1", "40" },
    { "POWER", "2|10", "1024.0" },
    { "SQRT", "25", "5.0" },
    { "LN", "1", "0.0" },
    { "LOG2", "10", "3.3219280948873626" },
    { "LOG", "-1", "NaN" },
    { "DEGREES", "0.5", "28.64788975654116" },
    { "GREATEST", "1|3|2", "3" },
    { "LEAST", "1|?INT", "NULL" },
    { "GREATEST", "1|'a", "!SEMANTIC" },
    { "RAND", "1", "0.7308781907032909" },
    { "RAND", "10", "0.7304302967434272" },
    { "RAND_INTEGER", "10|1", "0" },
    /* choices */
    { "COALESCE", "?INT|5", "5" },
    { "IFNULL", "?INT|?INT", "NULL" },
    { "NULLIF", "1|1", "NULL" },
    { "NULLIF", "1|2", "1" },
    { "=", "'a|'a ", "FALSE" },
    { "=", "@1996-11-10|'1996-11-10", "TRUE" },
    { "=", "@1996-11-10|'no date", "NULL" },
    { "BETWEEN", "12|11|13", "TRUE" },
    { "IN", "1.5|1|2|1.50", "TRUE" },
    { "IN", "'OR|'ID|'CA", "FALSE" },
    { "TYPEOF", "12", "INT NOT NULL" },
    /* time */
    { "EXTRACT", "'MICROSECOND|$1970-01-01 00:00:00.123456789", "123456" },
    { "EXTRACT", "'DECADE|@1996-11-10", "199" },
    { "EXTRACT", "'CENTURY|@1996-11-10", "20" },
    { "EXTRACT", "'DOW|@2020-02-29", "7" },
    { "EXTRACT", "'ISOYEAR|@2021-01-01", "2020" },
    { "EXTRACT", "'EPOCH|$2020-02-29 01:56:59", "1582941419" },
    { "EXTRACT", "'HOUR|~06:07:08", "6" },
    { "EXTRACT", "'HOUR|@2020-01-01", "!SEMANTIC" },
    { "WEEK", "@1996-11-10", "45" },
    { "DAYOFYEAR", "@1996-11-10", "315" },
    { "HOUR", "$2020-02-29 23:56:59", "23" },
    { "DATE_FORMAT", "$2018-03-14 15:02:03.123456|'yyyy/MM/dd HH:mm:ss.SSSSSS", "2018/03/14 15:02:03.123456" },
    { "DATE_FORMAT", "$2018-03-14 15:02:03|'EEE, d MMM yy h:mm a 'o''clock' Q D w",
        "Wed, 14 Mar 18 3:02 PM o'clock 1 73 11" },
    { "DATE_FORMAT", "'2018-03-14 01:02:03|'yyyy", "2018" },
    { "DATE_FORMAT", "'2018-03-14 01:02:03|''' 'at '''yyyy' ''x'''", "' at '2018 'x'" },
    { "DATE_FORMAT", "$2018-03-14 15:02:03|'b", "!EXPRESSION" },
    { "TO_TIMESTAMP", "'20170915000001|'yyyyMMddHHmmss", "2017-09-15 00:00:01.000" },
    { "TO_TIMESTAMP", "'1234567|'SSSSSSS", "1970-01-01 00:00:00.123" },
    { "TO_TIMESTAMP", "'09/15/2017 11 PM|'MM/dd/yyyy hh a", "2017-09-15 23:00:00.000" },
    { "TO_TIMESTAMP", "'abc", "NULL" },
    { "TO_TIMESTAMP", "'2017-02-30|'yyyy-MM-dd", "2017-02-28 00:00:00.000" },
    { "TO_TIMESTAMP_LTZ", "100|0", "1970-01-01 00:01:40.000" },
    { "TO_TIMESTAMP_LTZ", "1234|3", "1970-01-01 00:00:01.234" },
    { "TO_TIMESTAMP_LTZ", "1234|4", "1970-01-01 00:00:00.1234" },
    { "TO_TIMESTAMP_LTZ", "1234|10", "!SEMANTIC" },
    { "TO_DATE", "'2018-03-18", "2018-03-18" },
    { "FROM_UNIXTIME", "44", "1970-01-01 00:00:44" },
    { "UNIX_TIMESTAMP", "'1970-01-01 00:01:40", "100" },
    { "TIMESTAMPADD", "'MONTH|1|@2016-05-31", "2016-06-30" },
    { "TIMESTAMPADD", "'HOUR|-1|@2016-06-15", "2016-06-14 23:00:00.000000" },
    { "TIMESTAMPADD", "'SQL_TSI_MINUTE|1|~23:59:59", "00:00:59" },
    { "TIMESTAMPDIFF", "'MONTH|$2019-09-01 00:00:00|$2016-08-01 00:00:00", "-37" },
    { "TIMESTAMPDIFF", "'DAY|@2020-01-01|$2020-01-02 12:00:00", "1" },
    { "FLOOR", "$2018-03-20 06:44:31|'HOUR", "2018-03-20 06:00:00" },
    { "FLOOR", "@2021-02-27|'WEEK", "2021-02-21" },
    { "CEIL", "@2021-02-27|'DAY", "2021-02-28" },
    { "CEIL", "$2018-03-01 21:00:01|'MONTH", "2018-03-01 00:00:00" },
    { "CEIL", "~12:44:31|'MINUTE", "12:45:00" },
    { "FLOOR", "@2018-01-09|'MILLENNIUM", "2001-01-01" },
    { "CURRENT_TIMESTAMP", "", "1970-01-01 00:00:01.000" },
    { "CURRENT_WATERMARK", "$2018-03-20 06:44:31", "NULL" },
    /* nested */
    { "ARRAY", "1|?INT|3", "[1, NULL, 3]" },
    { "ARRAY", "", "!SEMANTIC" },
    { "MAP", "'a|1|'b|2|'a|3", "{a=3, b=2}" },
    { "ROW", "1|'foo|?BOOLEAN", "(1, foo, NULL)" },
    { "SPLIT", "',123,", "!SEMANTIC" },
    { "SPLIT", "',123,|',", "[, 123, ]" },
    { "SPLIT", "'ab|'", "[a, b]" },
    { "STR_TO_MAP", "'k1=v1,k2", "{k1=v1, k2=NULL}" },
    /* refusals */
    { "PARSE_JSON", "'a", "!EXPRESSION" },
    { "ML_PREDICT", "'a", "!UNSUPPORTED" },
    { "NO_SUCH", "1", "!SEMANTIC" },
    { "SUM", "1", "!SEMANTIC" },
};

static const struct expr *argument(struct fixture *f, const char *s)
{
    const struct expr *e = NULL;
    char bytes[64];
    switch (s[0]) {
    case '\'':
        return text(f, s + 1);
    case '?':
        return null(f, s + 1);
    case '@':
        return ok(f, expr_datetime(&f->env, TYPE_DATE, str_from(s + 1), &e, &f->err), &e);
    case '~':
        return ok(f, expr_datetime(&f->env, TYPE_TIME, str_from(s + 1), &e, &f->err), &e);
    case '$':
        return ok(f, expr_datetime(&f->env, TYPE_TIMESTAMP, str_from(s + 1), &e, &f->err), &e);
    case '&':
        for (size_t i = 0; i < strlen(s + 1) / 2; i++) {
            char pair[3] = { s[1 + 2 * i], s[2 + 2 * i], 0 };
            bytes[i] = (char)strtol(pair, NULL, 16);
        }
        return ok(f, expr_bytes(&f->env, str_make(bytes, strlen(s + 1) / 2), &e, &f->err), &e);
    default:
        if (s[0] == '-')
            return CALL(f, "NEGATE", number(f, s + 1));
        return number(f, s);
    }
}

/* Cuts at '|', but not inside a text that goes on with a pattern's '|': such a text ends at "|'" or "|digit". */
static uint32_t arguments(struct fixture *f, const char *s, const struct expr **args)
{
    char copy[512];
    uint32_t n = 0;
    snprintf(copy, sizeof copy, "%s", s);
    for (char *at = copy; *s && at;) {
        char *next = strchr(at, '|');
        while (next && !strchr("'?@~$&-0123456789", next[1]))
            next = strchr(next + 1, '|');
        if (next)
            *next++ = 0;
        args[n++] = argument(f, at);
        at = next;
    }
    return n;
}

/* Each through literals, and again with the arguments as columns, which takes the other loops of the kernels. */
static enum status as_columns(struct fixture *f, const struct expr *e, char *out, size_t size)
{
    struct expr copy = *e;
    struct field fields[16];
    struct schema schema = { fields, e->n_args };
    const struct expr *args[16];
    for (uint32_t i = 0; i < e->n_args; i++) {
        fields[i] = (struct field){ STR("f"), e->args[i]->type };
        args[i] = expr_column(&f->env, i, e->args[i]->type);
    }
    struct batch *b = batch_new(&schema, 4, &f->budget);
    assert_non_null(b);
    for (uint32_t i = 0; i < e->n_args; i++)
        for (uint32_t r = 0; r < 3; r++)
            assert_true(column_copy(&b->cols[i], r, &e->args[i]->value, 0, false));
    b->count = 3;
    copy.args = args;
    const struct expr *tree = &copy;
    struct program *p;
    struct column c;
    enum status st = expr_compile(&tree, 1, 4, &f->budget, &p, &f->err);
    if (st == ST_OK) {
        struct eval ev = { 1000, INT64_MIN, 0 };
        st = program_run(p, b, &ev, &c, &f->err);
        c.type = e->type;
        if (st == ST_OK)
            snprintf(out, size, "%s", print_value(&c, 0, &f->env.zone));
        if (st == ST_OK && expr_is_deterministic(e)) /* row 2 is as row 0 */
            assert_string_equal(print_value(&c, 2, &f->env.zone), out);
        program_free(p);
    }
    batch_free(b);
    return st;
}

static bool all_literals(const struct expr *e)
{
    for (uint32_t i = 0; i < e->n_args; i++)
        if (e->args[i]->kind != EXPR_LITERAL)
            return false;
    return e->kind == EXPR_CALL && e->n_args > 0 && e->n_args <= 16;
}

static void test_table(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct expr *args[16], *e;
        char got[1024];
        uint32_t n = arguments(f, table[i].args, args);
        enum status st = expr_call(&f->env, str_from(table[i].name), args, n, 1, 1, &e, &f->err);
        bool built = st == ST_OK;
        if (built)
            st = evaluate(f, e, got, sizeof got);
        if (st != ST_OK)
            snprintf(got, sizeof got, "!%s", status_name(st));
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s(%s): wanted %s, got %s %s", table[i].name, table[i].args, table[i].want, got,
                     st == ST_OK ? "" : f->err.message);
        /* constants alone divide by zero; and a unit or word must stay one */
        static const char *const constant[] = { "EXTRACT", "TIMESTAMP", "FLOOR", "CEIL", "WEEK", "DAYOF", "HOUR" };
        bool skip = !built || !all_literals(e) || strstr(table[i].args, "1e0|0");
        for (size_t j = 0; j < sizeof constant / sizeof constant[0]; j++)
            skip = skip || strstr(table[i].name, constant[j]);
        if (skip)
            continue;
        st = as_columns(f, e, got, sizeof got);
        if (st != ST_OK)
            snprintf(got, sizeof got, "!%s", status_name(st));
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s(%s) over columns: wanted %s, got %s", table[i].name, table[i].args, table[i].want, got);
    }
}

static void test_arrays(void **state)
{
    struct fixture *f = *state;
    const struct expr *a = CALL(f, "ARRAY", number(f, "2"), null(f, "INT"), number(f, "1"), number(f, "2"));
    const struct expr *m = CALL(f, "MAP", text(f, "a"), number(f, "1"));
    assert_value(f, CALL(f, "ITEM", a, number(f, "3")), "1");
    assert_value(f, CALL(f, "ITEM", a, number(f, "9")), "NULL");
    assert_value(f, CALL(f, "ITEM", m, text(f, "a")), "1");
    assert_value(f, CALL(f, "ITEM", m, text(f, "b")), "NULL");
    assert_value(f, CALL(f, "CARDINALITY", a), "4");
    assert_value(f, CALL(f, "ELEMENT", CALL(f, "ARRAY", number(f, "7"))), "7");
    assert_value(f, CALL(f, "ARRAY_CONTAINS", a, number(f, "1")), "TRUE");
    assert_value(f, CALL(f, "ARRAY_CONTAINS", a, null(f, "INT")), "TRUE");
    assert_value(f, CALL(f, "ARRAY_DISTINCT", a), "[2, NULL, 1]");
    assert_value(f, CALL(f, "ARRAY_REMOVE", a, number(f, "2")), "[NULL, 1]");
    assert_value(f, CALL(f, "ARRAY_REVERSE", a), "[2, 1, NULL, 2]");
    assert_value(f, CALL(f, "ARRAY_SORT", a), "[NULL, 1, 2, 2]");
    assert_value(f, CALL(f, "ARRAY_MAX", a), "2");
    assert_value(f, CALL(f, "ARRAY_SLICE", a, number(f, "2"), number(f, "3")), "[NULL, 1]");
    assert_value(f, CALL(f, "ARRAY_APPEND", a, null(f, "INT")), "[2, NULL, 1, 2, NULL]");
    assert_value(f, CALL(f, "ARRAY_EXCEPT", a, CALL(f, "ARRAY", number(f, "2"))), "[NULL, 1]");
    assert_value(f, CALL(f, "MAP_KEYS", m), "[a]");
    assert_value(f, CALL(f, "MAP_ENTRIES", m), "[(a, 1)]");
    assert_value(f, CALL(f, "=", a, a), "TRUE");
    assert_value(f, CALL(f, "ARRAY_JOIN", CALL(f, "ARRAY", text(f, "x"), null(f, "STRING")), text(f, "+"), text(f,
        "?")), "x+?");
    char got[100];
    assert_int_equal(evaluate(f, CALL(f, "ELEMENT", a), got, sizeof got), ST_EXPRESSION);
    const struct expr *args[2] = { a, number(f, "0") }, *e;
    assert_int_equal(expr_call(&f->env, STR("ITEM"), args, 2, 1, 1, &e, &f->err), ST_SEMANTIC);
}

/* Sorted, complete, and every row fit to be shown. */
static void test_docs(void **state)
{
    (void)state;
    const struct function_doc *d, *last = NULL;
    uint32_t n = 0;
    for (; (d = expr_function_at(n)); n++) {
        assert_non_null(d->signature);
        assert_true(strlen(d->help) > 4 && strlen(d->help) < 200);
        assert_non_null(d->example);
        assert_true(expr_is_known(str_from(d->name)));
        if (last)
            assert_true(strcmp(last->name, d->name) < 0);
        last = d;
    }
    assert_true(n > 180);
    uint32_t grouped = 0, groups = 0;
    struct function_entry e;
    for (; expr_group_name(groups); groups++) {
        uint32_t i = 0;
        for (last = NULL; expr_group_at(groups, i, &e); i++, last = e.doc)
            assert_true(!last || strcmp(last->name, e.doc->name) < 0);
        assert_true(i > 1);
        grouped += i;
    }
    assert_int_equal(grouped, n); /* each in one group */
    assert_true(e.doc->aggregate); /* which come last */
    assert_false(expr_group_at(groups, 0, &e));
    const char *why = NULL, *missing;
    for (uint32_t i = 0; (missing = expr_missing_at(i, &why)); i++) {
        assert_true(*why);
        for (uint32_t k = 0; (d = expr_function_at(k)); k++)
            assert_string_not_equal(d->name, missing);
    }
    assert_true(expr_is_known(STR("json_value")));
    assert_false(expr_is_known(STR("no_such")));
    assert_string_equal(expr_function_of_class(STR("com.github.nexmark.flink.udf.CountChar")), "COUNT_CHAR");
    assert_null(expr_function_of_class(STR("org.example.Other")));
}

static struct str count_char_alias(void *arg, struct str name)
{
    (void)arg;
    return str_eq(name, STR("count_char2")) ? STR("COUNT_CHAR") : (struct str){ 0 };
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    const struct expr *args[2] = { text(f, "a"), text(f, "a") }, *e;
    assert_int_equal(expr_call(&f->env, STR("UPER"), args, 1, 5, 6, &e, &f->err), ST_SEMANTIC);
    assert_int_equal(f->err.line, 5);
    assert_non_null(strstr(f->err.hint, "UPPER"));
    assert_int_equal(expr_call(&f->env, STR("UPPER"), args, 2, 5, 6, &e, &f->err), ST_SEMANTIC);
    assert_string_equal(f->err.message, "Invalid function call: UPPER(CHAR(1) NOT NULL, CHAR(1) NOT NULL)");
    f->env.user_function = count_char_alias;
    assert_value(f, CALL(f, "count_char2", args[0], args[1]), "1");
}

/* 2,001 levels are one too many. */
static void test_depth(void **state)
{
    struct fixture *f = *state;
    const struct expr *e = column(f, 0, "INT"), *one = number(f, "1");
    enum status st = ST_OK;
    uint32_t levels = 1;
    for (; st == ST_OK && levels < 3000; levels++) {
        const struct expr *args[2] = { e, one };
        st = expr_call(&f->env, STR("+"), args, 2, 1, 1, &e, &f->err);
    }
    assert_int_equal(st, ST_LIMIT);
    assert_int_equal(levels, EXPR_MAX_DEPTH + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_arrays, fixture_new, fixture_free),
        cmocka_unit_test(test_docs),
        cmocka_unit_test_setup_teardown(test_names, fixture_new, fixture_free),
        cmocka_unit_test_setup_teardown(test_depth, fixture_new, fixture_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
