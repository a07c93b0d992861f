"""The table of cases."""
from collections import namedtuple

Case = namedtuple("Case", "name sql types makers oracle nulls loose zone")
CASES = []


def case(name, sql, columns, oracle, nulls=False, loose=0, zone="UTC"):
    """`columns`: (type, maker) each, called a, b, c … in `sql`. `loose`: relative error that counts as equal."""
    CASES.append(Case(name, sql, [t for t, _ in columns], [m for _, m in columns], oracle, nulls, loose, zone))
