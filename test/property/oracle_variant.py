"""VARIANT: a JSON number's text decides what kind it is; casts take a value for what it is."""
import json

from case import case
from oracle_json import mutated, quote, raw
from oracle_number import java_double
from values import D, LETTERS, WIDE, integers, json_doc, one_of, small_doubles, text


class Refused(Exception):
    pass



def once(pairs):
    if len({k for k, _ in pairs}) < len(pairs):
        raise Refused("twice")
    return dict(pairs)


def number(s):
    if "e" not in s and "E" not in s:
        sign, digits, exponent = D(s).as_tuple()
        precision = len("".join(map(str, digits)).lstrip("0")) or 1
        if precision <= 38 and -exponent <= 38:
            return D(s)
    v = float(s)
    if v - v != 0:
        raise Refused("too large")
    return v


def parse(s):
    """The first value of a text; None for what PARSE_JSON refuses."""
    def bad(name):
        raise Refused(name)
    try:
        return (json.JSONDecoder(parse_int=number, parse_float=number, parse_constant=bad, object_pairs_hook=once).raw_decode(s)[0],)
    except (ValueError, Refused):
        return None


def whole_text(s):
    """Half of a surrogate pair is no character."""
    return "".join("\ufffd" if "\ud800" <= c < "\ue000" else c for c in s)


def plain(v):
    s = format(v, "f")
    s = s.rstrip("0").rstrip(".") if "." in s else s
    return "0" if s in ("-0", "") else s


def scalar(v):
    return java_double(v) if isinstance(v, float) else plain(v)


def dump(v):
    if isinstance(v, dict):
        return "{" + ",".join(quote(k) + ":" + dump(v[k]) for k in sorted(v, key=lambda k: k.encode("utf-16-be"))) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(dump, v)) + "]"
    if isinstance(v, str):
        return quote(whole_text(v))
    return json.dumps(v) if v is None or isinstance(v, bool) else scalar(v)


def sql(v):
    if isinstance(v, dict):
        return "{" + ", ".join(k + "=" + sql(v[k]) for k in sorted(v, key=lambda k: k.encode("utf-16-be"))) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(map(sql, v)) + "]"
    if isinstance(v, str):
        return whole_text(v)
    return {None: "NULL", True: "TRUE", False: "FALSE"}[v] if v is None or isinstance(v, bool) else scalar(v)


def whole(bits):
    def of(v):
        if isinstance(v, (bool, str, list, dict)) or v is None or v != int(v):
            return None
        return int(v) if -(1 << bits - 1) <= v < 1 << bits - 1 else None
    return of


def decimal_of(p, s):
    def of(v):
        if not isinstance(v, D) or v != v.quantize(D(1).scaleb(-s)) or abs(v) >= D(10) ** (p - s):
            return None
        return v.quantize(D(1).scaleb(-s))
    return of


def double(v):
    return None if isinstance(v, (bool, str, list, dict)) or v is None else float(v)


def listed(of):
    def all_of(v):
        if not isinstance(v, list):
            return None
        got = [None if e is None else of(e) for e in v]
        return None if any(g is None and e is not None for g, e in zip(got, v)) else got
    return all_of


def after(oracle):
    def of(a):
        v = parse(a)
        return None if v is None else oracle(v[0])
    return of



DOC = ("STRING", lambda r: raw(json_doc(r)))
OBJECT = ("STRING", lambda r: raw({"a": json_doc(r), "b": [json_doc(r), 1]}))
ANY = ("STRING", mutated)
NUMBERS = ("STRING", lambda r: r.choice([str(integers(b)(r)) for b in (8, 9, 16, 17, 32, 33, 64, 65, 130)] +
                                        [str(D(integers(40)(r)).scaleb(-r.randint(0, 42)).__format__("f")), repr(small_doubles(-1e6, 1e6)(r)),
                                         f"{integers(30)(r)}e{r.randint(-12, 12)}", "1e0", "7.0", "-0", "true", "null", '"7"', "[]", "1E-400"]))

case("JSON_STRING PARSE_JSON", "JSON_STRING(PARSE_JSON(a))", [DOC], after(dump))
case("TRY_PARSE_JSON", "JSON_STRING(TRY_PARSE_JSON(a))", [ANY], after(dump))
case("PARSE_JSON there and back", "PARSE_JSON(JSON_STRING(PARSE_JSON(a))) = PARSE_JSON(a)", [("STRING", lambda r: dump(json_doc(r)))],
     lambda a: True)
case("VARIANT numbers", "JSON_STRING(TRY_PARSE_JSON(a))", [NUMBERS], after(dump))
case("VARIANT to text", "CAST(TRY_PARSE_JSON(a) AS STRING)", [DOC], after(lambda v: None if v is None else sql(v)))
case("VARIANT member", "JSON_STRING(PARSE_JSON(a)['a'])", [OBJECT], after(lambda v: dump(v["a"])))
case("VARIANT element", "JSON_STRING(PARSE_JSON(a)['b'][1])", [OBJECT], after(lambda v: dump(v["b"][0])))
case("VARIANT no element", "JSON_STRING(PARSE_JSON(a)['b'][3])", [OBJECT], lambda a: None)
for t, bits in (("TINYINT", 8), ("SMALLINT", 16), ("INT", 32), ("BIGINT", 64)):
    case(f"VARIANT to {t}", f"TRY_CAST(TRY_PARSE_JSON(a) AS {t})", [NUMBERS], after(whole(bits)))
case("VARIANT to DOUBLE", "TRY_CAST(TRY_PARSE_JSON(a) AS DOUBLE)", [NUMBERS], after(double))
for p, s in ((10, 2), (38, 10), (5, 5)):
    case(f"VARIANT to DECIMAL({p}, {s})", f"TRY_CAST(TRY_PARSE_JSON(a) AS DECIMAL({p}, {s}))", [NUMBERS], after(decimal_of(p, s)))
case("VARIANT to BOOLEAN", "TRY_CAST(TRY_PARSE_JSON(a) AS BOOLEAN)", [NUMBERS], after(lambda v: v if isinstance(v, bool) else None))
case("VARIANT to ARRAY<STRING>", "TRY_CAST(TRY_PARSE_JSON(a) AS ARRAY<STRING>)", [DOC], after(listed(sql)))
case("VARIANT to ARRAY<BIGINT>", "TRY_CAST(TRY_PARSE_JSON(a) AS ARRAY<BIGINT>)",
     [("STRING", lambda r: "[" + ", ".join(str(integers(r.choice([8, 60, 66]))(r)) if r.random() < 0.95 else "null" for _ in range(r.randint(0, 4))) + "]")],
     after(listed(whole(64))))
case("VARIANT text", "CAST(PARSE_JSON(JSON_QUOTE(a)) AS STRING)", [("STRING", text(LETTERS + "\"\\/\n\t" + WIDE, 20))], lambda a: a)
