"""The page of results, written whole: figures by bench.py, words by notes.md."""

import os


def span(s, digits=2):
    return f"{s['median']:.{digits}f} ({s['min']:.{digits}f}–{s['max']:.{digits}f})"


def times(x):
    return f"{x:.2f} ×"


def verdict(ratio):
    return "yes" if ratio >= 1 else "over half" if ratio >= 0.5 else "**under half**"


def table(head, rows):
    return (
        ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(r) + " |" for r in rows] + [""]
    )


def head(m):
    lines = [
        "# Results",
        "",
        "Written by `bench/bench.py`; what it does and how to run it is in README.md. Rates are million events "
        "per CPU-second (user + "
        "system) of whole processes, start-up and reading included: median (lowest–highest). Each goal is the "
        "issue's.",
        "",
        f"- **When, what**: {m['date']}, commit {m['commit']}; {m['weir']}, sha256 {m['digest']}…",
        f"- **Machine**: {m['cpu']}, {m['cores']} cores, {int(m['memory'].split()[0]) / 1048576:.0f} GiB, Linux "
        f"{m['kernel']}; load "
        f"{m['load_before']:.1f} before, "
        f"{m['load_after']:.1f} after",
    ]
    if "steady" in m:
        lines.append(
            f"- **How steady**: a fixed loop of 0.4 s between the cases ran at {m['steady'][0]:.2f} to "
            f"{m['steady'][1]:.2f} times "
            "its median speed; differences below that mean nothing"
        )
    peers = ", ".join(
        f"{n} {m[k]}" for n, k in (("DuckDB", "duckdb"), ("simdjson", "simdjson"), ("Python", "python")) if m.get(k)
    )
    return lines + [
        f"- **Compilers**: {m['gcc']}; {m['clang'] or 'no clang'}",
        f"- **Peers**: {peers}",
        f"- **Command**: `{m['command'].strip()}`: {m['events']:,} events, {m['pairs']} rounds, DuckDB "
        f"and bare loops in {m['peer_rounds']} of them",
        "",
    ]


def equal(results, check_events):
    lines = [
        "## Equal output",
        "",
        f"Before any rate, on {check_events:,} events, all rows as multisets (updating "
        "queries: the final table). "
        "simdjson and the bare loops: rows and sums over all fields.",
        "",
    ]
    failed = [[f"`{k}`", v.replace("|", "\\|").replace("\n", " ")] for k, v in results.get("failed", {}).items()]
    if failed:
        lines += ["**Failed, and so without a rate:**", ""] + table(["what", "why"], failed)
    return lines + table(
        ["case", "rows", "the same by"],
        [[n, f"{e['rows']:,}", ", ".join(e["agreed"])] for n, e in results["equal"].items()],
    )


def ratio_to_goal(case, results):
    """None where there is no goal or no figure."""
    r = results.get("rates", {}).get(case.name, {})
    if case.name == "hop":
        return results.get("other", {}).get("hop", {}).get("ratio")
    if case.state:
        ratio = results.get("commits", {}).get(case.name, {}).get("ratio")
        return ratio and ratio / 0.7
    if case.log:
        ratio = results.get("topics", {}).get(case.name, {}).get("ratio")
        return ratio and ratio / 0.7
    if case.goal:
        return r["weir"]["median"] / case.goal if r else None
    return r.get("over_simdjson")


def rates(results, cases):
    rows = []
    for c in cases:
        r = results.get("rates", {}).get(c.name)
        if not r or not (c.goal or c.simd):
            continue
        weir, ratio = r["weir"], ratio_to_goal(c, results)
        goal = f"{c.goal:g}" if c.goal else f"simdjson's {r['simdjson']['median']:.2f}" if "simdjson" in r else ""
        beside = [
            f"{name} {r[key]['median']:.2f} ({times(weir['median'] / r[key]['median'])})"
            for name, key in (("simdjson", "simdjson"), ("DuckDB", "duckdb"))
            if key in r
        ]
        flink = results.get("other", {}).get("flink", {}).get(c.name)
        if flink:
            f = flink["last_half_rows_per_cpu_s"] / 1e6
            beside.append(f"Flink steady {f:.2f} ({weir['median'] / f:.0f} ×)")
        limits = [
            f"{r[key]['median']:.1f} ({weir['median'] / r[key]['median']:.2f})" if key in r else "–"
            for key in ("limit", "lines")
        ]
        rows.append(
            [
                c.work,
                span(weir),
                goal,
                f"{ratio:.2f}, {verdict(ratio)}" if ratio else "–",
                "; ".join(beside) or "–",
                *limits,
                c.published,
            ]
        )
    return [
        "## Rates",
        "",
        "“Bare loop” is bench/limit.c: the same fields by a loop that knows their order and "
        "validates nothing, and the "
        "same table where there is one; “lines” only reads the file and finds the ends of lines. In brackets "
        "Weir's share of it. DuckDB runs one thread over "
        "the same file (of wrapped events it parses the bids only) and hashes every row of its answer, so that "
        "none is left out.",
        "",
    ] + table(
        ["work", "Weir", "goal", "ratio to goal", "here beside it", "bare loop", "lines", "as given with the " "goal"],
        rows,
    )


def decoders(results):
    found = results.get("other", {}).get("decoders")
    if not found:
        return []
    goal = {
        "needed": "3 of 7 fields, json.validate=needed",
        "full": "7 fields, fully validated",
        "wrapped": "wrapped events, all fields",
    }
    return [
        "## The JSON decoder by itself",
        "",
        "`bench/json/run.sh`: records in memory, both sum every field, sums "
        "compared. simdjson on-demand, compiled "
        "for this very machine; it validates only what it is asked for.",
        "",
    ] + table(
        ["records", "bytes", "Weir", "simdjson", "ratio to goal of 1.0"],
        [
            [goal.get(m, m), f"{b:.0f}", f"{w:.2f}", f"{s:.2f}", f"{r:.2f}, {verdict(r)}"]
            for m, (b, w, s, r) in found.items()
        ],
    )


def functions(results):
    found = results.get("functions")
    if not found:
        return []
    return [
        "## Functions by themselves",
        "",
        "What ten columns of calls cost a row, reading and writing taken off: Weir from datagen into the blackhole, DuckDB "
        "from its own table in memory with one thread, its rows thrown away. Goal: DuckDB's time or less; all values "
        "compared on 2,000 rows first.",
        "",
    ] + table(
        ["work", "Weir, ns a row", "DuckDB", "ratio to goal of 1.0"],
        [
            [name, f"{r['weir']:.0f}", f"{r['duckdb']:.0f}", f"{r['ratio']:.2f}, {verdict(r['ratio'])}"]
            for name, r in found.items()
        ],
    )


def hop(results, cases):
    h = results.get("other", {}).get("hop")
    if not h:
        return []
    rows, t60, t1 = h["rows"], h["tumble-60"]["median"], h["tumble-1"]["median"]
    more = rows["hop"] - rows["tumble-60"]
    each = h["emit"]["median"] / more
    window = max(t1 - t60, 0) / max(rows["tumble-1"] - rows["tumble-60"], 1)
    strict = (1.5 * t60 + window * more) / h["hop"]["median"]
    lines = [
        "## Hopping against tumbling",
        "",
        "CPU-seconds of the whole process for the same rows: 10 k keys, 100 k "
        "events a second of event time. The bound is 1.5 × "
        f"tumbling 60 s plus what it costs to put out the {more:,} rows more that hopping has to: a job that "
        "takes so many rows of three BIGINT "
        "columns from datagen to the same sink.",
        "",
    ]
    lines += table(
        ["work", "CPU-s", "rows out"],
        [
            ["tumbling 60 s", span(h["tumble-60"], 3), f"{rows['tumble-60']:,}"],
            ["tumbling 1 s", span(h["tumble-1"], 3), f"{rows['tumble-1']:,}"],
            ["hopping 60 s / 1 s", span(h["hop"], 3), f"{rows['hop']:,}"],
            ["putting out only", span(h["emit"], 3), f"{more:,}"],
            ["bound: 1.5 × tumbling 60 s + putting out", f"{1.5 * t60 + h['emit']['median']:.3f}", ""],
        ],
    )
    lines += [
        f"Bound ÷ hopping: **{h['ratio']:.2f}, {verdict(h['ratio'])}** (paired median; 1 or more meets the "
        f"goal). A row put out costs {each * 1e9:.0f} ns in "
        "that job, its making and start-up included; by tumbling 1 s − tumbling 60 s it costs "
        f"{window * 1e9:.0f} ns, its window's merging and sending "
        f"included, by which bound ÷ hopping is {strict:.2f}.",
        "",
    ]
    r = results.get("rates", {}).get("hop", {})
    if "duckdb" in r:
        lines += [
            f"Hopping runs at {span(r['weir'])} M events per CPU-second; DuckDB, over "
            f"{cases['hop'].duck_events:,} of the same rows in a JSON file, at "
            f"{r['duckdb']['median']:.2f} ({times(r['weir']['median'] / r['duckdb']['median'])}); given with "
            f"the goal: {cases['hop'].published}.",
            "",
        ]
    return lines


def commits(results):
    c = results.get("commits", {}).get("tumble-commit")
    if not c:
        return []
    each, goal = c["bytes"] / max(c["commits"], 1), c["ratio"] / 0.7
    lines = [
        "## Committing every 100 ms",
        "",
        "The JSON tumbling job with a state directory against the same "
        "without, pair by pair. Commits go by the clock: a job that shares its core commits "
        "oftener for as much work.",
        "",
    ]
    lines += table(
        ["what", "figure"],
        [
            ["committing", span(c["weir"])],
            ["not committing", span(c["plain"])],
            ["ratio; goal 0.7", f"{c['ratio']:.2f}; {goal:.2f} of the goal, {verdict(goal)}"],
            ["commits in one run", f"{c['commits']} in {c['wall_s']:.1f} s, {c.get('cpu_s', 0):.1f} CPU-s"],
            ["bytes a commit", f"{each:,.0f} ({c['bytes']:,} in all)"],
            ["snapshots beside them", f"{c['snapshots']}, {c['snapshot_bytes']:,} bytes"],
            [
                "a bare write of as many commits of as many bytes, each synced",
                f"{c['bare_cpu_s']:.2f} CPU-s, " f"{c['bare_wall_s']:.2f} s",
            ],
        ],
    )
    return lines + [
        "Commits are counted in one more run by the records of every journal file that appears "
        "(bench/measure.py, `Commits`); snapshots "
        "are written in the background by folding journals.",
        "",
    ]


def topics(results, cases):
    found = results.get("topics")
    if not found:
        return []
    lines = [
        "## From topic to topic",
        "",
        "The job from a topic to a topic of the embedded log, exactly once, JSON in and out, against the same from file to blackhole, "
        "pair by pair (M events per CPU-second); beside them what reading and what writing cost: from topic to blackhole, from file "
        "to JSON file.",
        "",
    ]
    return lines + table(
        ["work", "topic to topic", "file to blackhole", "ratio; goal 0.7", "topic to blackhole", "file to file"],
        [
            [
                next(c.work for c in cases if c.name == name),
                span(r["weir"]),
                span(r["plain"]),
                f"{r['ratio']:.2f}; {r['ratio'] / 0.7:.2f} of the goal, {verdict(r['ratio'] / 0.7)}",
                span(r["read"]),
                span(r["write"]),
            ]
            for name, r in found.items()
        ],
    )


def start(results):
    s = results.get("other", {}).get("start")
    if not s:
        return []
    names = {
        "weir": "`weir run -c 'SELECT 1'`",
        "nothing": "`/bin/true`, the least",
        "duckdb": "DuckDB in Python, 5 " "runs",
    }
    cpu = s["weir"]["cpu"]["median"]
    lines = ["## Start to first row", "", "Milliseconds, 50 runs: median (lowest–highest).", ""]
    lines += table(["what", "CPU", "wall"], [[names[n], span(v["cpu"], 1), span(v["wall"], 1)] for n, v in s.items()])
    return lines + [
        f"Goal 10 ms of CPU: {10 / cpu:.2f} of it, {verdict(10 / cpu)}. Given with the goal: DuckDB 0.18 "
        "CPU-s, Flink 11 CPU-s.",
        "",
    ]


def flink(results):
    found = results.get("other", {}).get("flink")
    if not found:
        return ["Flink did not run here (`--flink`); its figures are those that were given with the goals.", ""]
    return [
        "## Flink",
        "",
        "`bench.py --flink`, kept from when it last ran: 1 M events of the same generator, parallelism 1, object "
        "reuse, heap state, no "
        "checkpoints; the better of mini-batch on and off. "
        "“Steady” is the second half of the rows.",
        "",
    ] + table(
        ["query", "steady, M", "with its start, M", "start and all, CPU-s", "load"],
        [
            [
                n,
                f"{r['last_half_rows_per_cpu_s'] / 1e6:.3f}",
                f"{r['rows_per_cpu_s'] / 1e6:.3f}",
                f"{r['process_cpu_s']:.1f}",
                f"{r['load']:.1f}",
            ]
            for n, r in found.items()
        ],
    )


def profiles(results, cases):
    found = results.get("profiles")
    if not found:
        return []
    rows = [
        [cases[n].work, ", ".join(f"{name} {share:.0f} %" for share, name in shares)] for n, shares in found.items()
    ]
    return ["## Profiles of what is below its goal", "", "Shares of samples by `perf`, one run each.", ""] + table(
        ["work", "where the time goes"], rows
    )


def page(results, cases, notes):
    text = open(notes).read().strip() if os.path.exists(notes) else ""
    lines = (
        head(results["machine"])
        + rates(results, cases)
        + decoders(results)
        + functions(results)
        + hop(results, {c.name: c for c in cases})
        + commits(results)
        + topics(results, cases)
        + start(results)
        + flink(results)
    )
    lines += profiles(results, {c.name: c for c in cases})
    if text:
        lines += [text, ""]
    return "\n".join(lines + equal(results, results["machine"]["check_events"])).rstrip() + "\n"
