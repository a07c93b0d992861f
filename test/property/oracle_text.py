"""Text: what java.lang.String and Flink's helpers do, in Python."""
import base64
import decimal
import hashlib
import math
import re
import string
import urllib.parse

from case import case
from values import LETTERS, WIDE, between, integers, one_of, small_doubles, text

S = ("STRING", text())
ASCII = ("STRING", text(string.printable))
SHORT = ("STRING", text("abc", 4))
INT = ("INT", integers(32))
SMALL = ("INT", between(-3, 40))


CASED = ("STRING", text(LETTERS + "äéñøŁžΩжя中 1.ßŉﬁΐΣσς\u0130\u01f0", 20))
case("UPPER", "UPPER(a)", [CASED], str.upper)
case("LOWER", "LOWER(a)", [CASED], str.lower)
case("CHAR_LENGTH", "CHAR_LENGTH(a)", [S], len)
case("REVERSE", "REVERSE(a)", [S], lambda a: a[::-1])
case("REPEAT", "REPEAT(a, b)", [SHORT, ("INT", between(-2, 20))], lambda a, b: a * max(b, 0))
case("||", "a || b", [S, S], lambda a, b: a + b)
case("CONCAT", "CONCAT(a, b, c)", [S, S, S], lambda a, b, c: a + b + c)
case("CONCAT_WS", "CONCAT_WS(a, b, c, d)", [SHORT, S, S, S],
     lambda a, *rest: None if a is None else a.join(x for x in rest if x is not None), nulls=True)
case("LEFT", "LEFT(a, b)", [S, SMALL], lambda a, b: a[:b] if b > 0 else "")
case("RIGHT", "RIGHT(a, b)", [S, SMALL], lambda a, b: a[-b:] if b > 0 else "")


def substring(s, start, n=None):
    """Flink's: from 1, 0 counts as 1, negative from the end."""
    if n is not None and n < 0:
        return None
    size = len(s)
    at = start - 1 if start > 0 else size + start if start < 0 else 0
    if at >= size or at < 0:
        return ""
    return s[at:] if n is None else s[at:at + n]


case("SUBSTRING", "SUBSTRING(a, b)", [S, SMALL], substring)
case("SUBSTRING length", "SUBSTRING(a, b, c)", [S, SMALL, ("INT", between(0, 40))], substring)
case("POSITION", "POSITION(a IN b)", [("STRING", text("ab", 2)), ("STRING", text("ab", 12))], lambda a, b: b.find(a) + 1)
case("INSTR", "INSTR(a, b)", [("STRING", text("ab", 12)), ("STRING", text("ab", 2))], lambda a, b: a.find(b) + 1)
case("LOCATE", "LOCATE(a, b, c)", [("STRING", text("ab", 2)), ("STRING", text("ab", 12)), ("INT", between(1, 12))],
     lambda a, b, c: b.find(a, c - 1) + 1 if a else 1)


def pad(left):
    def make(s, n, fill):
        if n < 0 or not fill:
            return None
        if len(s) >= n:
            return s[:n]
        more = (fill * n)[:n - len(s)]
        return more + s if left else s + more
    return make


case("LPAD", "LPAD(a, b, c)", [S, SMALL, ("STRING", text("xyz", 3))], pad(True))
case("RPAD", "RPAD(a, b, c)", [S, SMALL, ("STRING", text("xyz", 3))], pad(False))
case("REPLACE", "REPLACE(a, b, c)", [("STRING", text("abc", 20)), ("STRING", one_of("a", "bc", "abca", "x")), SHORT],
     lambda a, b, c: a.replace(b, c))
BLANKS = ("STRING", text(" ab", 15))
case("TRIM", "TRIM(a)", [BLANKS], lambda a: a.strip(" "))
case("LTRIM", "LTRIM(a)", [BLANKS], lambda a: a.lstrip(" "))
case("RTRIM", "RTRIM(a)", [BLANKS], lambda a: a.rstrip(" "))
SET = ("STRING", one_of("a", "ab", "ba ", "x"))
case("BTRIM", "BTRIM(a, b)", [BLANKS, SET], lambda a, b: a.strip(b))
case("LTRIM set", "LTRIM(a, b)", [BLANKS, SET], lambda a, b: a.lstrip(b))
case("RTRIM set", "RTRIM(a, b)", [BLANKS, SET], lambda a, b: a.rstrip(b))
case("STARTSWITH", "STARTSWITH(a, b)", [("STRING", text("ab", 6)), ("STRING", text("ab", 3))], str.startswith)
case("ENDSWITH", "ENDSWITH(a, b)", [("STRING", text("ab", 6)), ("STRING", text("ab", 3))], str.endswith)


def translate(s, old, new):
    if s is None or old is None:
        return s if s is not None and old is None else None
    new = new or ""
    table = {}
    for i, c in enumerate(old):
        table.setdefault(ord(c), new[i] if i < len(new) else None)
    return s.translate(table)


case("TRANSLATE", "TRANSLATE(a, b, c)", [("STRING", text("abcdé", 12)), ("STRING", text("abé", 4)), ("STRING", text("xyß", 4))],
     translate, nulls=True)
case("ELT", "ELT(a, b, c)", [("INT", between(-1, 4)), S, S],
     lambda a, b, c: None if a is None or not 1 <= a <= 2 else (b, c)[a - 1], nulls=True)
case("OVERLAY", "OVERLAY(a PLACING b FROM c FOR d)", [S, SHORT, ("INT", between(-2, 20)), ("INT", between(0, 8))],
     lambda a, b, c, d: a if c <= 0 or c > len(a) else a[:c - 1] + b + (a[c - 1 + d:] if d > 0 and c + d <= len(a) else ""))
case("ASCII", "ASCII(a)", [ASCII], lambda a: ord(a[0]) if a else 0)
case("CHR", "CHR(a)", [("BIGINT", integers(16))], lambda a: "" if a < 0 else chr(a & 255))
case("TO_BASE64", "TO_BASE64(a)", [S], lambda a: base64.b64encode(a.encode()).decode())
case("base64 there and back", "FROM_BASE64(TO_BASE64(a))", [S], lambda a: a)
case("HEX text", "HEX(a)", [S], lambda a: a.encode().hex().upper())
case("HEX number", "HEX(a)", [("BIGINT", integers(64))], lambda a: "%X" % (a & (1 << 64) - 1))
case("BIN", "BIN(a)", [("BIGINT", integers(64))], lambda a: format(a & (1 << 64) - 1, "b"))


def unhex(s):
    if not re.fullmatch("[0-9a-fA-F]*", s):
        return None
    return base64.b64encode(bytes.fromhex(s if len(s) % 2 == 0 else "00" + s[1:])).decode()


case("UNHEX", "UNHEX(a)", [("STRING", text("0123456789abcdefABCDEF", 12))], unhex)
case("URL_ENCODE", "URL_ENCODE(a)", [S], lambda a: urllib.parse.quote_plus(a, safe="*-._").replace("~", "%7E"))
case("url there and back", "URL_DECODE(URL_ENCODE(a))", [S], lambda a: a)
case("URL_DECODE", "URL_DECODE(a)", [("STRING", text("a%41+é~", 10))],
     lambda a: None if re.search("%(?![0-9a-fA-F]{2})", a) else decoded(a))


def decoded(s):
    try:
        return urllib.parse.unquote_to_bytes(s.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        return None


for name, of in (("MD5", hashlib.md5), ("SHA1", hashlib.sha1), ("SHA224", hashlib.sha224), ("SHA256", hashlib.sha256),
                 ("SHA384", hashlib.sha384), ("SHA512", hashlib.sha512)):
    case(name, f"{name}(a)", [("STRING", text(None, 200))], lambda a, of=of: of(a.encode()).hexdigest())
case("SHA2", "SHA2(a, 256)", [S], lambda a: hashlib.sha256(a.encode()).hexdigest())
case("SPLIT_INDEX", "SPLIT_INDEX(a, b, c)", [("STRING", text("ab,", 15)), ("STRING", one_of(",", "a", ",b", "x")), ("INT", between(-1, 5))],
     lambda a, b, c: None if c < 0 or not a or c >= len(a.split(b)) else a.split(b)[c])
case("SPLIT", "SPLIT(a, b)", [("STRING", text("ab,", 15)), ("STRING", one_of(",", "a", ",b", "x"))], lambda a, b: a.split(b))
case("IS_DIGIT", "IS_DIGIT(a)", [("STRING", text("0123456789a", 4))], lambda a: bool(a) and all(c in string.digits for c in a), nulls=True)


def initcap(s):
    """Words are runs of ASCII letters and digits."""
    return re.sub("[A-Za-z0-9]+", lambda m: m.group()[0].upper() + m.group()[1:].lower(), s)


case("INITCAP", "INITCAP(a)", [("STRING", text(LETTERS + " 1.-", 20))], initcap)
PATTERNS = ["a+", "[ab]c?", "(a|b)(c)?", "^a.*b$", "b{2,3}", "[^a]", "a*?b", "\\\\d+|c", "(?:ab)+"]
for p in PATTERNS:
    of = re.compile(p.replace("\\\\", "\\"))
    sql = p.replace("\\\\", "\\")
    abc = ("STRING", text("abc1", 12))
    case(f"REGEXP {sql}", f"REGEXP(a, '{sql}')", [abc], lambda a, of=of: bool(of.search(a)))
    case(f"REGEXP_COUNT {sql}", f"REGEXP_COUNT(a, '{sql}')", [abc], lambda a, of=of: len(list(of.finditer(a))))
    case(f"REGEXP_REPLACE {sql}", f"REGEXP_REPLACE(a, '{sql}', '<>')", [abc], lambda a, of=of: of.sub("<>", a))
    case(f"REGEXP_SUBSTR {sql}", f"REGEXP_SUBSTR(a, '{sql}')", [abc],
         lambda a, of=of: of.search(a).group() if of.search(a) else None)
    case(f"REGEXP_INSTR {sql}", f"REGEXP_INSTR(a, '{sql}')", [abc], lambda a, of=of: of.search(a).start() + 1 if of.search(a) else 0)


def like(pattern):
    out = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.compile(out, re.S)


case("LIKE", "a LIKE b", [("STRING", text("ab\n", 8)), ("STRING", text("ab%_", 5))], lambda a, b: bool(like(b).fullmatch(a)))
case("INET_ATON", "INET_ATON(a)", [("STRING", one_of("1.2.3.4", "255.255.255.255", "0.0.0.0", "256.1.1.1", "1.2", "7", "a", "1..2", ""))],
     lambda a: {"1.2.3.4": 16909060, "255.255.255.255": (1 << 32) - 1, "0.0.0.0": 0, "1.2": 16777218, "7": 7}.get(a))
case("addresses there and back", "INET_ATON(INET_NTOA(a))", [("BIGINT", integers(40))], lambda a: a if 0 <= a < 1 << 32 else None)


def query(key):
    def of(path, k1, v1, k2, v2):
        found = urllib.parse.urlsplit(f"http://h/{path}?{k1}={v1}&{k2}={v2}").query
        for part in found.split("&"):
            if part.startswith(key + "="):
                return part[len(key) + 1:]
        return None
    return of


WORD = ("STRING", text("ab1", 4))
case("PARSE_URL QUERY", "PARSE_URL('http://h/' || a || '?' || b || '=' || c || '&' || d || '=' || e, 'QUERY', 'a')",
     [WORD, WORD, WORD, WORD, WORD], query("a"))
def bits(v):
    return v & (1 << 64) - 1


case("PRINTF %d", "PRINTF('%d|%8d|%-8d|%+d', a, a, a, a)", [("BIGINT", integers(64))],
     lambda a: "null|    null|null    |null" if a is None else "%d|%8d|%-8d|%+d" % (a, a, a, a), nulls=True)
case("PRINTF %x", "PRINTF('%x|%o|%012d', a, a, a)", [("BIGINT", integers(64))],
     lambda a: "null|null|        null" if a is None else "%x|%o|%012d" % (bits(a), bits(a), a), nulls=True)
case("PRINTF %,d", "PRINTF('%,d', a)", [("BIGINT", integers(64))], lambda a: "null" if a is None else f"{a:,}", nulls=True)
case("PRINTF %s", "PRINTF('%s|%10s|%-10s|%.3s', a, a, a, a)", [("STRING", text(LETTERS + WIDE, 12))],
     lambda a: "%s|%10s|%-10s|%.3s" % ((a if a is not None else "null",) * 4), nulls=True)


def half_up(v, places):
    """Rounded from the shortest decimal text, as java.util.Formatter does."""
    d = decimal.Decimal(repr(v)).quantize(decimal.Decimal(1).scaleb(-places), decimal.ROUND_HALF_UP)
    return ("-" if math.copysign(1, v) < 0 else "") + format(abs(d), "f")


case("PRINTF %f", "PRINTF('%.2f|%.0f|%f', COALESCE(a, 0.5E0), COALESCE(a, 0.5E0), COALESCE(a, 0.5E0))", [("DOUBLE", small_doubles(-1e6, 1e6))],
     lambda a: "|".join(half_up(0.5 if a is None else a, n) for n in (2, 0, 6)), nulls=True)
case("ENCODE", "DECODE(ENCODE(a, 'UTF-16BE'), 'UTF-16BE')", [S], lambda a: a)
