"""Numbers: Java's integers that wrap, its doubles, and DECIMAL by Python's decimal."""
import decimal
import math

from case import case
from values import D, arrays, between, const, decimals, doubles, integers, one_of, small_doubles, text

TYPES = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}


def wrap(bits):
    return lambda v: (v + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def java_div(a, b):
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


for t, bits in TYPES.items():
    w = wrap(bits)
    col = (t, integers(bits))
    case(f"{t} +", "a + b", [col, col], lambda a, b, w=w: w(a + b))
    case(f"{t} -", "a - b", [col, col], lambda a, b, w=w: w(a - b))
    case(f"{t} *", "a * b", [col, col], lambda a, b, w=w: w(a * b))
    case(f"{t} /", "a / CASE WHEN b = 0 THEN CAST(1 AS %s) ELSE b END" % t, [col, col], lambda a, b, w=w: w(java_div(a, b or 1)))
    case(f"{t} %", "a %% CASE WHEN b = 0 THEN CAST(1 AS %s) ELSE b END" % t, [col, col],
         lambda a, b, w=w: a - (b or 1) * java_div(a, b or 1))
    case(f"{t} ABS", "ABS(a)", [col], lambda a, w=w: w(abs(a)))
    case(f"{t} negate", "-a", [col], lambda a, w=w: w(-a))
    case(f"{t} SIGN", "SIGN(a)", [col], lambda a: (a > 0) - (a < 0))
    case(f"{t} text", "CAST(a AS STRING)", [col], str)
    case(f"{t} of text", f"TRY_CAST(a AS {t})", [("STRING", text("0123456789+- .", 6))],
         lambda a, bits=bits: from_text(a, bits))
    for other, other_bits in TYPES.items():
        case(f"{t} AS {other}", f"CAST(a AS {other})", [col], lambda a, w=wrap(other_bits): w(a))
    for op, of in (("=", int.__eq__), ("<>", int.__ne__), ("<", int.__lt__), (">=", int.__ge__)):
        case(f"{t} {op}", f"a {op} b", [(t, one_of(-1, 0, 1, 127)), (t, one_of(-1, 0, 1, 127))], lambda a, b, of=of: of(a, b))
    case(f"{t} GREATEST", "GREATEST(a, b, c)", [col, col, col], max)
    case(f"{t} LEAST", "LEAST(a, b, c)", [col, col, col], min)


def from_text(s, bits):
    """Flink's: blanks around, a sign, digits, and a fraction that is cut."""
    s = s.strip(" ")
    import re
    m = re.fullmatch(r"([+-]?)(\d*)(?:\.(\d*))?", s)
    if not m or s in ("", "+", "-") or (not m.group(2) and s[-1:] == "." and len(s.strip("+-")) == 1):
        return None
    if not m.group(2) and not m.group(3) and "." not in s:
        return None
    v = int(m.group(2) or 0) * (-1 if m.group(1) == "-" else 1)
    return v if -(1 << bits - 1) <= v < 1 << bits - 1 else None


F = ("DOUBLE", doubles)
case("DOUBLE +", "a + b", [F, F], lambda a, b: a + b)
case("DOUBLE *", "a * b", [F, F], lambda a, b: a * b)
case("DOUBLE there and back", "CAST(CAST(a AS STRING) AS DOUBLE)", [F], lambda a: a)


def java_double(v):
    """Double.toString since JDK 19: the shortest digits, plain from 1e-3 to 1e7."""
    if v == 0:
        return "-0.0" if math.copysign(1, v) < 0 else "0.0"
    sign, digits, exponent = D(repr(v)).as_tuple()
    digits = "".join(map(str, digits)).rstrip("0") or "0"
    exponent = D(repr(v)).adjusted()
    s = "-" if sign else ""
    if -3 <= exponent < 7:
        if exponent < 0:
            return s + "0." + "0" * (-exponent - 1) + digits
        digits = digits.ljust(exponent + 2, "0")
        return s + digits[:exponent + 1] + "." + (digits[exponent + 1:] or "0")
    return f"{s}{digits[0]}.{digits[1:] or '0'}E{exponent}"


case("DOUBLE text", "CAST(a AS STRING)", [F], lambda a: java_double(a) if a != 5e-324 and a != -5e-324 else ("-" if a < 0 else "") + "4.9E-324")
case("DOUBLE FLOOR", "FLOOR(a)", [("DOUBLE", small_doubles(-1e6, 1e6))], lambda a: float(math.floor(a)))
case("DOUBLE CEIL", "CEIL(a)", [("DOUBLE", small_doubles(-1e6, 1e6))], lambda a: float(math.ceil(a)))
ONE = ("DOUBLE", small_doubles(-1, 1))
WIDE = ("DOUBLE", small_doubles(-50, 50))
PLUS = ("DOUBLE", small_doubles(0.001, 1000))
case("SQRT", "SQRT(ABS(a))", [F], lambda a: math.sqrt(abs(a)))
for name, of, col in (("EXP", math.exp, WIDE), ("LN", math.log, None), ("LOG10", math.log10, None), ("LOG2", math.log2, None),
                      ("SIN", math.sin, WIDE), ("COS", math.cos, WIDE), ("TAN", math.tan, WIDE), ("ASIN", math.asin, ONE),
                      ("ACOS", math.acos, ONE), ("ATAN", math.atan, WIDE), ("SINH", math.sinh, WIDE), ("COSH", math.cosh, WIDE),
                      ("TANH", math.tanh, WIDE), ("DEGREES", math.degrees, WIDE), ("RADIANS", math.radians, WIDE)):
    if col:
        case(name, f"{name}(a)", [col], of, loose=1e-13)
    else:
        case(name, f"{name}(ABS(a) + 0.001E0)", [WIDE], lambda a, of=of: of(abs(a) + 0.001), loose=1e-12)
case("ATAN2", "ATAN2(a, b)", [WIDE, WIDE], math.atan2, loose=1e-14)
case("POWER", "POWER(a, b)", [PLUS, ("DOUBLE", small_doubles(-5, 5))], math.pow, loose=1e-13)


def fits(v, p, s):
    """Rounded half up to s places; None when it has more than p digits."""
    v = v.quantize(D(1).scaleb(-s), decimal.ROUND_HALF_UP)
    return v if abs(v) < D(10) ** (p - s) else None


A, B = ("DECIMAL(12, 4)", decimals(12, 4)), ("DECIMAL(10, 2)", decimals(10, 2))
W = ("DECIMAL(38, 10)", decimals(38, 10))
case("DECIMAL +", "a + b", [A, B], lambda a, b: fits(a + b, 13, 4))
case("DECIMAL -", "a - b", [A, B], lambda a, b: fits(a - b, 13, 4))
case("DECIMAL *", "a * b", [A, B], lambda a, b: fits(a * b, 22, 6))
case("DECIMAL /", "a / NULLIF(b, 0)", [A, B], lambda a, b: fits(a / b, 25, 15) if b else None)
case("DECIMAL wide + 1", "CAST(a AS DECIMAL(38, 2))", [W], lambda a: fits(a, 38, 2))
case("DECIMAL narrow", "CAST(a AS DECIMAL(6, 1))", [A], lambda a: fits(a, 6, 1))
case("DECIMAL text", "CAST(a AS STRING)", [A], lambda a: format(a.quantize(D("0.0001")), "f"))
case("DECIMAL of text", "TRY_CAST(a AS DECIMAL(8, 3))", [("STRING", text("0123456789.", 8))],
     lambda a: fits(D(a), 8, 3) if a.strip(".") and a.count(".") <= 1 else None)
case("DECIMAL ROUND", "ROUND(a, 2)", [A], lambda a: fits(a, 38, 2))
case("DECIMAL TRUNCATE", "TRUNCATE(a, 2)", [A], lambda a: a.quantize(D("0.01"), decimal.ROUND_DOWN))
case("DECIMAL FLOOR", "FLOOR(a)", [A], lambda a: a.to_integral_value(decimal.ROUND_FLOOR))
case("DECIMAL CEIL", "CEIL(a)", [A], lambda a: a.to_integral_value(decimal.ROUND_CEILING))
case("DECIMAL AS INT", "CAST(a AS INT)", [B], lambda a: wrap(32)(int(a)))
case("DECIMAL <", "a < b", [A, B], lambda a, b: a < b)
case("DECIMAL =", "a = b", [("DECIMAL(6, 2)", decimals(3, 2)), ("DECIMAL(8, 4)", decimals(3, 2))], lambda a, b: a == b)

# ---- arrays of numbers ----

N = ("ARRAY<INT>", arrays(between(-2, 3)))
E = ("INT", between(-2, 3))


def distinct(a):
    out = []
    for v in a:
        if v not in out:
            out.append(v)
    return out


case("CARDINALITY", "CARDINALITY(a)", [N], len)
case("ARRAY_CONTAINS", "ARRAY_CONTAINS(a, b)", [N, E], lambda a, b: None if a is None else b in a, nulls=True)
case("ARRAY_DISTINCT", "ARRAY_DISTINCT(a)", [N], distinct)
case("ARRAY_POSITION", "ARRAY_POSITION(a, b)", [N, E], lambda a, b: a.index(b) + 1 if b in a else 0)
case("ARRAY_REMOVE", "ARRAY_REMOVE(a, b)", [N, E], lambda a, b: None if a is None else [v for v in a if v != b], nulls=True)
case("ARRAY_REVERSE", "ARRAY_REVERSE(a)", [N], lambda a: a[::-1])
case("ARRAY_APPEND", "ARRAY_APPEND(a, b)", [N, E], lambda a, b: None if a is None else a + [b], nulls=True)
case("ARRAY_PREPEND", "ARRAY_PREPEND(a, b)", [N, E], lambda a, b: None if a is None else [b] + a, nulls=True)
case("ARRAY_CONCAT", "ARRAY_CONCAT(a, b)", [N, N], lambda a, b: a + b)
case("ARRAY_UNION", "ARRAY_UNION(a, b)", [N, N], lambda a, b: distinct(a + b))
case("ARRAY_EXCEPT", "ARRAY_EXCEPT(a, b)", [N, N], lambda a, b: distinct([v for v in a if v not in b]))
case("ARRAY_INTERSECT", "ARRAY_INTERSECT(a, b)", [N, N], lambda a, b: distinct([v for v in a if v in b]))
case("ARRAY_MAX", "ARRAY_MAX(a)", [N], lambda a: max((v for v in a if v is not None), default=None))
case("ARRAY_MIN", "ARRAY_MIN(a)", [N], lambda a: min((v for v in a if v is not None), default=None))
case("ARRAY_SORT", "ARRAY_SORT(a)", [N], lambda a: sorted(a, key=lambda v: (v is not None, v or 0)))
case("ARRAY_SORT down", "ARRAY_SORT(a, FALSE)", [N],
     lambda a: sorted((v for v in a if v is not None), reverse=True) + [None] * a.count(None))
case("ARRAY_JOIN", "ARRAY_JOIN(a, '-', '?')", [("ARRAY<STRING>", arrays(text("ab", 3)))],
     lambda a: "-".join("?" if v is None else v for v in a))
case("a[i]", "a[b]", [N, ("INT", between(1, 7))], lambda a, b: a[b - 1] if b <= len(a) else None)
