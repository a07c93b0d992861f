"""JSON: Python's json, with Jackson's way of writing numbers."""
import decimal
import json
import re

from case import case
from values import D, LETTERS, WIDE, integers, json_doc, one_of, text


class Number(decimal.Decimal):
    pass


def load(s):
    def bad(name):
        raise ValueError(name)
    return json.loads(s, parse_float=Number, parse_constant=bad)


def java_decimal(v):
    """BigDecimal.toString"""
    sign, digits, exponent = v.as_tuple()
    digits = "".join(map(str, digits)).lstrip("0") or "0"
    scale, adjusted = -exponent, len(digits) - 1 + exponent
    s = "-" if sign and digits.strip("0") else ""
    if scale == 0:
        return s + digits
    if scale > 0 and adjusted >= -6:
        digits = digits.rjust(scale + 1, "0")
        return s + digits[:-scale] + "." + digits[-scale:]
    return s + digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + ("E%+d" % adjusted if adjusted else "")


def quote(s):
    named = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(named.get(c) or ("\\u%04X" % ord(c) if ord(c) < 32 else c) for c in s) + '"'


def dump(v):
    """As Flink writes JSON: members sorted by UTF-16, numbers with a point as BigDecimal."""
    if isinstance(v, dict):
        return "{" + ",".join(quote(k) + ":" + dump(v[k]) for k in sorted(v, key=lambda k: k.encode("utf-16-be"))) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(dump, v)) + "]"
    if isinstance(v, str):
        return quote(v)
    if isinstance(v, decimal.Decimal):
        return java_decimal(v)
    return json.dumps(v)


def raw(v):
    """A document in one of many spellings."""
    if isinstance(v, dict):
        return "{ " + " ,".join(json.dumps(k) + " : " + raw(e) for k, e in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(map(raw, v)) + " ]"
    if isinstance(v, decimal.Decimal):
        return format(v, "e" if v.as_tuple().exponent % 2 else "f") if v else str(v)
    return json.dumps(v)


DOC = ("STRING", lambda r: raw({"a": json_doc(r), "b": json_doc(r), "a b": json_doc(r)}))


def walk(doc, path):
    """(found, value) of a path of names and indexes"""
    v = load(doc)
    for step in path:
        if isinstance(step, str) and isinstance(v, dict) and step in v:
            v = v[step]
        elif isinstance(step, int) and isinstance(v, list) and -len(v) <= step < len(v):
            v = v[step]
        else:
            return False, None
    return True, v


def value(doc, path):
    found, v = walk(doc, path)
    if not found or v is None or isinstance(v, (dict, list)):
        return None
    return v if isinstance(v, str) else dump(v)


def query(doc, path, wrap=False):
    found, v = walk(doc, path)
    if not found or v is None:
        return None
    if wrap and not isinstance(v, list):
        v = [v]
    return dump(v) if isinstance(v, (dict, list)) else None


PATHS = [("$", []), ("$.a", ["a"]), ("$.a.b", ["a", "b"]), ("$.b[0]", ["b", 0]), ("$.b[-1]", ["b", -1]), ("$[''a b'']", ["a b"]),
         ("lax $.a.a", ["a", "a"]), ("$.a[1].c", ["a", 1, "c"]), ("strict $.b.k1", ["b", "k1"])]
for sql, path in PATHS:
    case(f"JSON_VALUE {sql}", f"JSON_VALUE(a, '{sql}')", [DOC], lambda a, p=path: value(a, p))
    case(f"JSON_QUERY {sql}", f"JSON_QUERY(a, '{sql}')", [DOC], lambda a, p=path: query(a, p))
    case(f"JSON_QUERY WRAPPER {sql}", f"JSON_QUERY(a, '{sql}' WITH CONDITIONAL WRAPPER)", [DOC], lambda a, p=path: query(a, p, True))
    case(f"JSON_EXISTS {sql}", f"JSON_EXISTS(a, '{sql}')", [DOC], lambda a, p=path: walk(a, p)[0] and walk(a, p)[1] is not None)


def everywhere(v, name):
    if isinstance(v, dict):
        if name in v:
            yield v[name]
        for e in v.values():
            yield from everywhere(e, name)
    elif isinstance(v, list):
        for e in v:
            yield from everywhere(e, name)


case("JSON_QUERY ..a", "JSON_QUERY(a, '$..a')", [DOC], lambda a: dump(list(everywhere(load(a), "a"))))
case("JSON_QUERY .*", "JSON_QUERY(a, '$.*')", [DOC], lambda a: dump(list(load(a).values())))
case("JSON_LENGTH", "JSON_LENGTH(a, '$.a')", [DOC], lambda a: len(load(a)["a"]) if isinstance(load(a)["a"], (dict, list)) else 1)


def returning(low, high):
    def of(doc):
        found, v = walk(doc, ["a"])
        if not found or v is None or isinstance(v, (bool, dict, list)):
            return None
        if isinstance(v, str):
            if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", v, re.A):
                return None
            v = D(v)
        v = int(v)
        return v if low <= v <= high else None
    return of


for t, bits in (("TINYINT", 8), ("SMALLINT", 16), ("INT", 32), ("BIGINT", 64)):
    case(f"JSON_VALUE RETURNING {t}", f"JSON_VALUE(a, '$.a' RETURNING {t})",
         [("STRING", lambda r, b=bits: raw({"a": r.choice([integers(b)(r), integers(70)(r), D(integers(b)(r)).scaleb(-2), str(integers(16)(r)),
                                                           "1e2", "x", True])}))], returning(-(1 << bits - 1), (1 << bits - 1) - 1))


def valid(s):
    try:
        load(s)
        return True
    except (ValueError, RecursionError):
        return False




def mutated(r):
    """A document in one array, so that nothing can stand behind it unseen; sometimes with one character changed."""
    s = "[" + raw(json_doc(r)) + "]"
    if r.random() < 0.6:
        at = r.randrange(1, len(s)) if len(s) > 2 else 1
        s = s[:at] + r.choice(["", "\"", ",", "]x", "\\", "0", "-", ":", " ", "e", "\x01"]) + s[at + r.randint(0, 1):]
    return s


def starts_valid(s):
    if s is None:
        return False
    try:
        json.JSONDecoder(parse_constant=lambda n: 1 / 0).raw_decode(s)
        return True
    except (ValueError, ZeroDivisionError):
        return False


case("IS JSON", "a IS JSON", [("STRING", mutated)], starts_valid, nulls=True)
ANY = ("STRING", text(LETTERS + "\"\\/\b\f\n\r\t\x01\x1f" + WIDE, 20))
case("JSON_STRING", "JSON_STRING(a)", [ANY], quote)
case("JSON_QUOTE there and back", "JSON_UNQUOTE(JSON_QUOTE(a))", [("STRING", text(LETTERS + "\"\\/\n\t" + WIDE, 20))], lambda a: a)
case("JSON_OBJECT", "JSON_OBJECT('z' : a, 'a' : b, 'n' : JSON_ARRAY(a, b))", [ANY, ("BIGINT", integers(64))],
     lambda a, b: dump({"z": a, "a": b, "n": [v for v in (a, b) if v is not None]}), nulls=True)
case("JSON_ARRAY", "JSON_ARRAY(a, b NULL ON NULL)", [ANY, ("DOUBLE", one_of(1.0, -2.5, 0.001, 1e10, 1e-7))],
     lambda a, b: "[" + (quote(a) if a is not None else "null") + "," + (java_decimal(D(java(b))) if b is not None else "null") + "]", nulls=True)


def java(v):
    return {1.0: "1.0", -2.5: "-2.5", 0.001: "0.001", 1e10: "1.0E10", 1e-7: "1.0E-7"}[v]
