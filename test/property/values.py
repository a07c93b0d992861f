"""Random values of the SQL types, the borders as often as what lies between. Each is (SQL type, function of a Random)."""
import datetime
import decimal
import string

D = decimal.Decimal
LETTERS = string.ascii_letters
WIDE = "äßéñøŁžΩжя中文字日本語한국어🎉𝄞😀ﬁ"


def choice(*parts):
    return lambda r: r.choice(parts)(r) if callable(parts[0]) else r.choice(parts)


def const(v):
    return lambda r: v


def integers(bits):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    edges = [low, high, 0, 1, -1, low + 1, high - 1, 10, -10, 100, 255, 256, -128, 127]
    edges = [v for v in edges if low <= v <= high]

    def make(r):
        k = r.random()
        if k < 0.35:
            return r.choice(edges)
        if k < 0.7:
            return r.randint(-1000, 1000) if bits > 8 else r.randint(low, high)
        return r.randint(low, high)

    return make


def between(low, high):
    return lambda r: r.choice([low, high]) if r.random() < 0.2 else r.randint(low, high)


def text(alphabet=None, most=30):
    """Lengths around what is kept in place (12 bytes) and beyond."""

    def make(r):
        n = r.choice([0, 1, 2, 3, 11, 12, 13, r.randint(0, most)])
        chars = alphabet or r.choice([LETTERS, LETTERS + " .,-_", string.digits, LETTERS + WIDE, string.printable, " \t ab"])
        return "".join(r.choice(chars) for _ in range(n))

    return make


def doubles(r):
    k = r.random()
    if k < 0.3:
        return r.choice([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, 1e308, -1e308, 5e-324, 1e-300, 1e15, 1e16, 123456789.125,
                         9007199254740993.0, 1e7, 1e-3, 9.999e-4, 0.1, 1 / 3])
    if k < 0.7:
        return r.uniform(-1000, 1000)
    return r.uniform(-1, 1) * 10.0 ** r.randint(-300, 300)


def small_doubles(low, high):
    edges = [low, high] + [v for v in (0.0, 1.0, -1.0, 0.5) if low <= v <= high]
    return lambda r: float(r.choice(edges)) if r.random() < 0.2 else r.uniform(low, high)


def decimals(p, s):
    def make(r):
        k = r.random()
        if k < 0.25:
            v = r.choice([0, 1, -1, 10**p - 1, -(10**p - 1), 5, -5, 10**s])
        elif k < 0.6:
            v = r.randint(-(10 ** min(p, 6)), 10 ** min(p, 6))
        else:
            v = r.randint(-(10**p - 1), 10**p - 1)
        v = max(-(10**p - 1), min(10**p - 1, v))
        return D(v).scaleb(-s)

    return make


def dates(low="0001-01-01", high="9999-12-31"):
    a, b = (datetime.date.fromisoformat(x).toordinal() for x in (low, high))
    edges = [x for x in ("1970-01-01", "1969-12-31", "2000-02-29", "1900-02-28", "2020-12-31", "2021-01-01", "2024-12-30", "1582-10-15")]

    def make(r):
        if r.random() < 0.3:
            return datetime.date.fromisoformat(r.choice(edges + [low, high]))
        return datetime.date.fromordinal(r.randint(a, b))

    return make


def timestamps(low="1900-01-01", high="2100-12-31", zeros=False):
    day = dates(low, high)

    def make(r):
        d = day(r)
        if d < datetime.date.fromisoformat(low) or d > datetime.date.fromisoformat(high):
            d = datetime.date(2000, 1, 1)
        t = r.choice([datetime.time(0), datetime.time(23, 59, 59, 999000), datetime.time(r.randint(0, 23), r.randint(0, 59),
                                                                                      r.randint(0, 59), r.randint(0, 999) * 1000)])
        return datetime.datetime.combine(d, t.replace(microsecond=0) if zeros else t)

    return make


def one_of(*values):
    return lambda r: r.choice(values)


def arrays(element, most=6, nulls=True):
    return lambda r: [None if nulls and r.random() < 0.2 else element(r) for _ in range(r.randint(0, most))]


def json_doc(r, depth=0):
    k = r.random()
    if depth < 4 and k < 0.35:
        return {r.choice(["a", "b", "c", "a b", "é", "k" + str(r.randint(0, 3))]): json_doc(r, depth + 1) for _ in range(r.randint(0, 4))}
    if depth < 4 and k < 0.6:
        return [json_doc(r, depth + 1) for _ in range(r.randint(0, 4))]
    return r.choice([None, True, False, r.randint(-(1 << 70), 1 << 70), r.randint(-5, 5), D(r.randint(-10**9, 10**9)).scaleb(r.randint(-12, 5)),
                     text(most=10)(r), text(LETTERS + "\"\\/\b\f\n\r\t\x01\x1f" + WIDE, 10)(r)])
