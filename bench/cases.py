"""What is measured: each case is a script for `weir run`, the same query for DuckDB, its goal and its bare loop.

A script holds {sink}, which is the blackhole when rates are taken and standard output when answers are compared, so
the job that is compared is the job that is measured. A partitioned one writes a tree of CSV files when rates are taken;
what these hold is compared too. DuckDB's query reads a view `b` or `bids` over the file.
"""

from dataclasses import dataclass

EVENTS = """CREATE TABLE events (event_type INT,
  person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING,
    dateTime TIMESTAMP(3), extra STRING>,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, dateTime TIMESTAMP(3),
    expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  dateTime AS CASE WHEN event_type = 0 THEN person.dateTime WHEN event_type = 1 THEN auction.dateTime
    ELSE bid.dateTime END,
  WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '{file}', 'format' = 'json');
CREATE VIEW bids AS SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, dateTime, bid.extra
  FROM events WHERE event_type = 2;
"""
BID_COLUMNS = (
    "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), " "extra STRING"
)
BIDS = f"""CREATE TABLE b ({BID_COLUMNS})
  WITH ('connector' = 'filesystem', 'path' = '{{file}}', 'format' = 'json');
"""
TIMED_BIDS = BIDS.replace("extra STRING)", "extra STRING,\n  WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND)")


def generated(first, second, time):
    """A datagen table: two random columns and n, which counts; event time goes by n. inputs.py has the same rows."""
    return f"""CREATE TABLE b ({first} BIGINT, {second} BIGINT, n BIGINT, {time} AS TO_TIMESTAMP_LTZ(n / {{per_ms}}, 3),
  WATERMARK FOR {time} AS {time} - INTERVAL '1' SECOND)
  WITH ('connector' = 'datagen', 'seed' = '1', 'rows-per-second' = '0', 'number-of-rows' = '{{events}}',
    'fields.{first}.min' = '0', 'fields.{first}.max' = '{{max_key}}',
    'fields.{second}.min' = '1', 'fields.{second}.max' = '1000',
    'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '1000000000');
"""


def insert(columns, query):
    return f"CREATE TABLE s ({columns}) {{partitioned}}WITH ({{sink}});\nINSERT INTO s {query};\n"


def tumble(table, time, seconds, select):
    return (
        f"SELECT {select} FROM TUMBLE(TABLE {table}, DESCRIPTOR({time}), INTERVAL '{seconds}' SECOND) "
        f"GROUP BY window_start, window_end, {select.split(',')[0]}"
    )


@dataclass
class Case:
    name: str
    work: str  # as the page names it
    file: str  # input: bids, events, or "" for datagen
    script: str
    query: str  # the last statement's SELECT
    duck: str  # the same for DuckDB
    goal: float = 0.0  # M events per CPU-second; 0: see `bound`
    published: str = ""  # what the comparison was when the goal was set
    updating: bool = False
    simd: str = ""  # mode of simdjson_json
    limit: str = ""  # mode of limit.c
    per_ms: int = 500  # rows a millisecond of event time, at full size
    keys: int = 1000000
    gen: tuple = ()  # columns of the datagen file that DuckDB reads
    duck_events: int = 0  # fewer for a peer that is slow at it
    state: bool = False
    flink: bool = False
    extra: str = ""
    approximate: bool = False  # numbers within 5 % of the peer's are the same
    partitions: str = ""  # columns: it writes CSV files in folders by these
    log: bool = False  # from topic to topic, beside the same from file to blackhole

    def text(self, *, sink, **values):
        return fill(self.script, sink=sink, **values)

    def topics(self, **values):
        """The job from topic `input` to topic `output` of an embedded log."""
        source = TOPIC % "input" + ", 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
        script = self.script.replace("'connector' = 'filesystem', 'path' = '{file}'", source)
        return fill(script, sink=TOPIC % "output" + ", 'format' = 'json'", partitioned="", **values)

    def files(self, folder, **values):
        """The job that writes its folders."""
        sink = (
            f"'connector' = 'filesystem', 'path' = '{folder}', 'format' = 'csv', 'sink.partition-commit.trigger' = "
            "'partition-time', 'sink.partition-commit.delay' = '1 min', 'sink.partition-commit.policy.kind' = 'success-file', "
            "'partition.time-extractor.timestamp-pattern' = '$dt $hm:00', 'sink.rolling-policy.rollover-interval' = '1min', "
            "'sink.rolling-policy.check-interval' = '1min'"
        )
        return fill(self.script, sink=sink, partitioned=f"PARTITIONED BY ({self.partitions}) ", **values)


def fill(text, **values):
    for name, value in {"partitioned": "", **values}.items():
        text = text.replace("{" + name + "}", str(value))
    return text


BLACKHOLE = "'connector' = 'blackhole'"
TOPIC = "'connector' = 'topic', 'topic' = '%s'"
# The lines of a file as the records of topic `input`, before the job.
INTO_TOPIC = f"""CREATE TABLE lines (line STRING) WITH ('connector' = 'filesystem', 'path' = '{{file}}', 'format' = 'raw');
CREATE TABLE input_topic (line STRING) WITH ({TOPIC % "input"}, 'format' = 'raw');
INSERT INTO input_topic SELECT line FROM lines;
"""
STDOUT = "'connector' = 'stdout', 'format' = 'json'"

Q17 = """SELECT auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS d, COUNT(*) AS n,
  COUNT(*) FILTER (WHERE price < 10000) AS r1,
  COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS r2, COUNT(*) FILTER (WHERE price >= 1000000) AS r3,
  MIN(price) AS mi, MAX(price) AS ma, AVG(price) AS av, SUM(price) AS su
  FROM bids GROUP BY auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd')"""
Q17_DUCK = Q17.replace("DATE_FORMAT(dateTime, 'yyyy-MM-dd')", "strftime(dateTime, '%Y-%m-%d')").replace(
    "AVG(price)", "SUM(price) // " "COUNT(*)"
)


def by_price(what, name):
    """An aggregate over all bids, then over the cheap, the middling and the dear ones."""
    ranges = ("price < 10000", "price >= 10000 AND price < 1000000", "price >= 1000000")
    filtered = [f"{what} FILTER (WHERE {r}) AS {name}{i + 1}" for i, r in enumerate(ranges)]
    return ", ".join([f"{what} AS {name}", *filtered])


COUNTS = ", ".join(
    by_price(what, name) for what, name in (("COUNT(*)", "n"), ("COUNT(DISTINCT bidder)", "b"),
                                            ("COUNT(DISTINCT auction)", "a"))
)
COUNT_COLUMNS = ", ".join(f"{name}{i} BIGINT" for name in "nba" for i in ("", 1, 2, 3))
DAY, DAY_DUCK = "DATE_FORMAT(dateTime, 'yyyy-MM-dd')", "strftime(dateTime, '%Y-%m-%d')"
Q15 = f"SELECT {DAY} AS d, {COUNTS} FROM bids GROUP BY {DAY}"
Q16 = f"SELECT channel, {DAY} AS d, MAX(DATE_FORMAT(dateTime, 'HH:mm')) AS m, {COUNTS} FROM bids GROUP BY channel, {DAY}"
CHANNEL_ID = "REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2)"
CHANNELS = ("apple", "google", "facebook", "baidu")
Q21 = f"""SELECT auction, bidder, price, channel, CASE {" ".join(
    f"WHEN LOWER(channel) = '{c}' THEN '{i}'" for i, c in enumerate(CHANNELS))} ELSE {CHANNEL_ID} END AS channel_id
  FROM bids WHERE {CHANNEL_ID} IS NOT NULL OR LOWER(channel) IN {CHANNELS}"""
Q21_DUCK = Q21.replace(CHANNEL_ID + " IS NOT NULL", "regexp_matches(url, '(&|^)channel_id=([^&]*)')")
Q14 = """SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN HOUR(dateTime) >= 8 AND HOUR(dateTime) <= 18 THEN 'dayTime'
    WHEN HOUR(dateTime) <= 6 OR HOUR(dateTime) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS t,
  dateTime, extra, COUNT_CHAR(extra, 'c') AS c
  FROM bids WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000"""
Q14_DUCK = Q14.replace("COUNT_CHAR(extra, 'c')", "LEN(extra) - LEN(REPLACE(extra, 'c', ''))")
TUMBLE_10 = tumble("b", "dateTime", 10, "auction, COUNT(*) AS n, SUM(price) AS t, MAX(price) AS m")
TUMBLE_10_DUCK = (
    "SELECT auction, COUNT(*) AS n, SUM(price) AS t, MAX(price) AS m FROM b "
    "GROUP BY auction, time_bucket(INTERVAL '10' SECOND, dateTime)"
)
TUMBLE_COLUMNS = "auction BIGINT, n BIGINT, t BIGINT, m BIGINT"
COUNT_SUM = "k, COUNT(*) AS n, SUM(v) AS t"
HOP = (
    "SELECT k, COUNT(*) AS n, SUM(v) AS t FROM HOP(TABLE b, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '60' "
    "SECOND) "
    "GROUP BY window_start, window_end, k"
)
HOP_DUCK = "SELECT k, COUNT(*) AS n, SUM(v) AS t FROM b, range(60) AS r(i) GROUP BY k, n // ({per_ms} * 1000) - i"


def nexmark(name, columns, query, duck=None, **more):
    into = ", into a folder of CSV files a minute" if "partitions" in more else ""
    return Case(
        name,
        f"Nexmark {name}, wrapped NDJSON, fully validated{into}",
        "events",
        EVENTS + insert(columns, query),
        query,
        duck or query,
        limit="wrapped",
        flink=not into,
        **more,
    )


def seconds_tumble(seconds):
    query = tumble("b", "ts", seconds, COUNT_SUM)
    return query, f"SELECT {COUNT_SUM} FROM b GROUP BY k, n // ({{per_ms}} * 1000 * {seconds})"


def all_cases():
    three = "SELECT auction, bidder, price FROM b"
    gen_bids = generated("auction", "price", "dateTime")
    gen_hop = generated("k", "v", "ts")
    small = {"per_ms": 100, "keys": 10000, "gen": ("k", "v")}
    q60, q60_duck = seconds_tumble(60)
    q1, q1_duck = seconds_tumble(1)
    return [
        Case(
            "json-3",
            "bids of 233 B → blackhole, 3 of 7 fields, json.validate=needed",
            "bids",
            "SET 'json.validate' = 'needed';\n" + BIDS + insert("auction BIGINT, bidder BIGINT, price BIGINT", three),
            three,
            three,
            simd="needed",
            limit="three",
            published="simdjson 12.2 in memory; DuckDB 2.3 (a filter over it)",
        ),
        Case(
            "json-7",
            "bids of 233 B → blackhole, all 7 fields, fully validated",
            "bids",
            BIDS + insert(BID_COLUMNS, "SELECT * FROM b"),
            "SELECT * FROM b",
            "SELECT * FROM b",
            simd="full",
            limit="seven",
            published="simdjson 7.6 in memory",
        ),
        nexmark(
            "q0",
            "auction BIGINT, bidder BIGINT, price BIGINT, dateTime TIMESTAMP(3), extra STRING",
            "SELECT auction, bidder, price, dateTime, extra FROM bids",
            goal=4,
            published="Flink 0.25",
        ),
        nexmark(
            "q1",
            "auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), dateTime TIMESTAMP(3), extra STRING",
            "SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bids",
            goal=4,
            published="Flink 0.18",
        ),
        nexmark(
            "q2",
            "auction BIGINT, price BIGINT",
            "SELECT auction, price FROM bids WHERE MOD(auction, 123) = 0",
            goal=4,
            published="Flink 0.24",
        ),
        nexmark(
            "q22",
            "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, d1 STRING, d2 STRING, d3 STRING",
            "SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3) AS d1, SPLIT_INDEX(url, '/', 4) AS "
            "d2, "
            "SPLIT_INDEX(url, '/', 5) AS d3 FROM bids",
            "SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS d1, split_part(url, '/', 5) AS d2, "
            "split_part(url, '/', 6) AS d3 FROM bids",
            goal=4,
            published="Flink 0.22",
        ),
        nexmark(
            "q17",
            "auction BIGINT, d STRING, n BIGINT, r1 BIGINT, r2 BIGINT, r3 BIGINT, mi BIGINT, ma BIGINT, av "
            "BIGINT, su BIGINT",
            Q17,
            Q17_DUCK,
            goal=4,
            updating=True,
            published="Flink 0.18",
        ),
        nexmark(
            "q14",
            "auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), t STRING, dateTime TIMESTAMP(3), extra STRING, c BIGINT",
            Q14,
            Q14_DUCK,
            goal=4,
            published="Flink 0.22",
        ),
        nexmark(
            "q10",
            "auction BIGINT, bidder BIGINT, price BIGINT, dateTime TIMESTAMP(3), extra STRING, dt STRING, hm STRING",
            "SELECT auction, bidder, price, dateTime, extra, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS dt, "
            "DATE_FORMAT(dateTime, 'HH:mm') AS hm FROM bids",
            "SELECT auction, bidder, price, dateTime, extra, strftime(dateTime, '%Y-%m-%d') AS dt, "
            "strftime(dateTime, '%H:%M') AS hm FROM bids",
            goal=2,
            published="Flink 0.16",
            partitions="dt, hm",
        ),
        nexmark("q15", f"d STRING, {COUNT_COLUMNS}", Q15, Q15.replace(DAY, DAY_DUCK), goal=3, updating=True,
                published="Flink 0.13"),
        nexmark(
            "q16",
            f"channel STRING, d STRING, m STRING, {COUNT_COLUMNS}",
            Q16,
            Q16.replace(DAY, DAY_DUCK).replace("DATE_FORMAT(dateTime, 'HH:mm')", "strftime(dateTime, '%H:%M')"),
            goal=1.5,
            updating=True,
            published="Flink 0.08 (without mini-batch)",
        ),
        nexmark(
            "q21",
            "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, channel_id STRING",
            Q21,
            Q21_DUCK,
            goal=4,
            published="Flink 0.18",
        ),
        Case(
            "tumble-json",
            "tumbling 10 s, count/sum/max, 1 M keys, from JSON",
            "bids",
            TIMED_BIDS + insert(TUMBLE_COLUMNS, TUMBLE_10),
            TUMBLE_10,
            TUMBLE_10_DUCK,
            goal=5,
            limit="tumble",
            published="limit 11.3; DuckDB 1.6, Polars 1.2",
        ),
        Case(
            "tumble-commit",
            "the same, committing every 100 ms to a state directory",
            "bids",
            "SET 'execution.checkpointing.interval' = '{interval}';\n" + TIMED_BIDS + insert(TUMBLE_COLUMNS, TUMBLE_10),
            TUMBLE_10,
            TUMBLE_10_DUCK,
            state=True,
        ),
        Case(
            "tumble-datagen",
            "tumbling 10 s, count/sum/max, 1 M keys, from datagen",
            "",
            gen_bids + insert(TUMBLE_COLUMNS, TUMBLE_10),
            TUMBLE_10,
            "SELECT auction, COUNT(*) AS n, SUM(price) AS t, MAX(price) AS m FROM b "
            "GROUP BY auction, n // ({per_ms} * 10000)",
            goal=8,
            limit="table",
            gen=("auction", "price"),
            published="limit 11.3 (with JSON)",
        ),
        Case(
            "tumble-60",
            "tumbling 60 s, count/sum, 10 k keys, 100 k/s, datagen",
            "",
            gen_hop + insert("k BIGINT, n BIGINT, t BIGINT", q60),
            q60,
            q60_duck,
            limit="table",
            **small,
        ),
        Case(
            "tumble-1",
            "tumbling 1 s, the same",
            "",
            gen_hop + insert("k BIGINT, n BIGINT, t BIGINT", q1),
            q1,
            q1_duck,
            **small,
        ),
        Case(
            "hop",
            "hopping 60 s / 1 s, the same",
            "",
            gen_hop + insert("k BIGINT, n BIGINT, t BIGINT", HOP),
            HOP,
            HOP_DUCK,
            duck_events=1000000,
            published="DuckDB 0.28",
            **small,
        ),
        *all_sketches(gen_hop),
        nexmark("topic-q0", "auction BIGINT, bidder BIGINT, price BIGINT, dateTime TIMESTAMP(3), extra STRING",
                "SELECT auction, bidder, price, dateTime, extra FROM bids", log=True),
        Case(
            "topic-tumble",
            "tumbling 10 s, count/sum/max, 1 M keys",
            "bids",
            TIMED_BIDS + insert(TUMBLE_COLUMNS, TUMBLE_10),
            TUMBLE_10,
            TUMBLE_10_DUCK,
            log=True,
        ),
    ]


def all_sketches(generated):
    more = {"per_ms": 100, "keys": 10000, "gen": ("k", "v"), "updating": True}
    return [
        Case(name, work, "", generated + insert(columns, query), query, duck, goal=goal, approximate=approximate, **more)
        for name, work, columns, query, duck, goal, approximate in (
            (
                "distinct",
                "COUNT(DISTINCT) of 1 M values in 10 k groups, datagen",
                "k BIGINT, n BIGINT",
                "SELECT MOD(n, 10000) AS k, COUNT(DISTINCT MOD(n, 1000000)) AS n FROM b GROUP BY MOD(n, 10000)",
                "SELECT n % 10000 AS k, COUNT(DISTINCT n % 1000000) AS n FROM b GROUP BY n % 10000",
                4,
                False,
            ),
            (
                "approx-distinct",
                "APPROX_COUNT_DISTINCT over 10 k keys, datagen",
                "k BIGINT, n BIGINT",
                "SELECT k, APPROX_COUNT_DISTINCT(n) AS n FROM b GROUP BY k",
                "SELECT k, COUNT(DISTINCT n) AS n FROM b GROUP BY k",
                5,
                True,
            ),
            (
                "approx-percentile",
                "APPROX_PERCENTILE(v, 0.9) over 10 k keys, datagen",
                "k BIGINT, p DOUBLE",
                "SELECT k, APPROX_PERCENTILE(v, 0.9) AS p FROM b GROUP BY k",
                "SELECT k, QUANTILE_DISC(v, 0.9) AS p FROM b GROUP BY k",
                5,
                True,
            ),
        )
    ]


EMIT = """CREATE TABLE e (k BIGINT, n BIGINT, t BIGINT) WITH ('connector' = 'datagen', 'seed' = '1',
  'rows-per-second' = '0', 'number-of-rows' = '{rows}', 'fields.k.min' = '0', 'fields.k.max' = '9999',
  'fields.n.min' = '1', 'fields.n.max' = '6000', 'fields.t.min' = '1', 'fields.t.max' = '6000000');
""" + insert("k BIGINT, n BIGINT, t BIGINT", "SELECT k, n, t FROM e")
