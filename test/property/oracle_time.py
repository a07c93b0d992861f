"""Dates and times: datetime, calendar and zoneinfo."""
import datetime
import zoneinfo

from case import case
from values import between, dates, integers, one_of, text, timestamps

DAY = ("DATE", dates())
TS = ("TIMESTAMP(3)", timestamps("0001-01-01", "9999-12-31"))
NEAR = ("TIMESTAMP(3)", timestamps())
EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc

for name, of in (("YEAR", lambda d: d.year), ("MONTH", lambda d: d.month), ("DAYOFMONTH", lambda d: d.day),
                 ("QUARTER", lambda d: (d.month + 2) // 3), ("DAYOFYEAR", lambda d: d.timetuple().tm_yday),
                 ("DAYOFWEEK", lambda d: d.isoweekday() % 7 + 1), ("WEEK", lambda d: d.isocalendar()[1])):
    case(f"{name} of a date", f"{name}(a)", [DAY], of)
    case(f"{name} of a timestamp", f"{name}(a)", [TS], of)
for name, of in (("HOUR", lambda t: t.hour), ("MINUTE", lambda t: t.minute), ("SECOND", lambda t: t.second)):
    case(name, f"{name}(a)", [TS], of)
case("EXTRACT ISODOW", "EXTRACT(ISODOW FROM a)", [DAY], lambda d: d.isoweekday())
case("EXTRACT MILLISECOND", "EXTRACT(MILLISECOND FROM a)", [TS], lambda t: t.microsecond // 1000)


def ms(t):
    return (t - EPOCH) // datetime.timedelta(milliseconds=1)


def towards_zero(a, b):
    q = abs(a) // b
    return q if a >= 0 else -q


for unit, of in (("SECOND", 1000), ("MINUTE", 60000), ("HOUR", 3600000), ("DAY", 86400000)):
    case(f"TIMESTAMPDIFF {unit}", f"TIMESTAMPDIFF({unit}, a, b)", [NEAR, NEAR],
         lambda a, b, of=of: (towards_zero(ms(b) - ms(a), of) + (1 << 31)) % (1 << 32) - (1 << 31))
case("TIMESTAMPADD DAY", "TIMESTAMPADD(DAY, b, a)", [NEAR, ("INT", between(-1000, 1000))], lambda a, b: a + datetime.timedelta(days=b))
case("TIMESTAMPADD SECOND", "TIMESTAMPADD(SECOND, b, a)", [NEAR, ("INT", between(-100000, 100000))],
     lambda a, b: a + datetime.timedelta(seconds=b))


def add_months(d, n):
    month = d.month - 1 + n
    year, month = d.year + month // 12, month % 12 + 1
    last = (datetime.date(year + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)).day
    return d.replace(year=year, month=month, day=min(d.day, last))


case("TIMESTAMPADD MONTH", "TIMESTAMPADD(MONTH, b, a)", [NEAR, ("INT", between(-50, 50))], add_months)
case("date + days", "a + INTERVAL '1' DAY * b", [("DATE", dates("1900-01-01", "2100-12-31")), ("INT", between(-1000, 1000))],
     lambda a, b: a + datetime.timedelta(days=b))
case("CAST timestamp", "CAST(a AS STRING)", [TS], lambda t: t.isoformat(sep=" ", timespec="milliseconds"))
case("CAST date", "CAST(a AS STRING)", [DAY], lambda d: d.isoformat())
case("date of text", "TRY_CAST(a AS DATE)", [("STRING", one_of("2020-02-29", "2021-02-29", "2020-1-2", "0001-01-01", "9999-12-31",
                                                              "2020-13-01", "2020-00-10", " 2020-01-02 ", "x", "", "2020-01"))],
     lambda a: {"2020-02-29": "2020-02-29", "2020-1-2": "2020-01-02", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31",
                " 2020-01-02 ": "2020-01-02", "2020-01": "2020-01-01"}.get(a))
case("DATE_FORMAT", "DATE_FORMAT(a, 'yyyy-MM-dd HH:mm:ss.SSS')", [TS], lambda t: t.isoformat(sep=" ", timespec="milliseconds"))
case("DATE_FORMAT words", "DATE_FORMAT(a, 'EEE, d MMM yy')", [NEAR],
     lambda t: "%s, %d %s %02d" % ("Mon Tue Wed Thu Fri Sat Sun".split()[t.weekday()], t.day,
                                   "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[t.month - 1], t.year % 100))
case("TO_TIMESTAMP", "TO_TIMESTAMP(a, 'dd/MM/yyyy HH:mm')", [("STRING", lambda r: timestamps()(r).strftime("%d/%m/%Y %H:%M"))],
     lambda a: datetime.datetime.strptime(a, "%d/%m/%Y %H:%M"))
for unit, of in (("DAY", dict(hour=0, minute=0)), ("HOUR", dict(minute=0)), ("MONTH", dict(day=1, hour=0, minute=0)),
                 ("YEAR", dict(month=1, day=1, hour=0, minute=0))):
    case(f"FLOOR TO {unit}", f"FLOOR(a TO {unit})", [TS], lambda t, of=of: t.replace(second=0, microsecond=0, **of))

# ---- zones ----

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca",
         "Pacific/Apia", "Asia/Tehran", "UTC"]
SECONDS = ("BIGINT", lambda r: r.choice([0, 1711846799, 1711846800, 1729990799, 1729990800, 1729994400, r.randint(-2 * 10**9, 4 * 10**9)]))


def in_zone(seconds, zone):
    t = datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=seconds)
    return t.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)


def to_utc(local, zone, fold=0):
    """Of a time that is left out, on by the gap; of one that comes twice, the one that `fold` says."""
    return local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).astimezone(UTC).replace(tzinfo=None)


def wall(t):
    return t.isoformat(sep=" ", timespec="seconds")


def seconds_of(t):
    return (t - EPOCH) // datetime.timedelta(seconds=1)


LOCAL = timestamps("1950-01-01", "2037-12-31", zeros=True)
CHANGES = ["2024-03-31 02:30:00", "2024-03-10 02:30:00", "2011-12-30 12:00:00", "1986-04-06 02:15:00"]


def local_text(r):
    return r.choice(CHANGES) if r.random() < 0.2 else wall(LOCAL(r))


for z in ZONES:
    case(f"FROM_UNIXTIME {z}", "FROM_UNIXTIME(a)", [SECONDS], lambda a, z=z: wall(in_zone(a, z)), zone=z)
    case(f"LTZ text {z}", "CAST(TO_TIMESTAMP_LTZ(a, 0) AS STRING)", [SECONDS],
         lambda a, z=z: in_zone(a, z).isoformat(sep=" ", timespec="milliseconds"), zone=z)
    case(f"local to LTZ {z}", "TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 0), CAST(CAST(a AS TIMESTAMP(3)) AS TIMESTAMP_LTZ(3)))",
         [("STRING", local_text)], lambda a, z=z: seconds_of(to_utc(datetime.datetime.fromisoformat(a), z)), zone=z)
    case(f"CONVERT_TZ from {z}", f"CONVERT_TZ('2020-05-06 07:08:09', 'UTC', '{z}') || a", [("STRING", one_of(""))],
         lambda a, z=z: wall(in_zone(seconds_of(datetime.datetime(2020, 5, 6, 7, 8, 9)), z)))
