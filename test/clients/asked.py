"""What answers.py and its cases share: a connection, names of this run, and `say`, which keeps what is answered."""
import json
import os
import sys

import kit
import raw
from messages import APIS, ask
from raw import Closed, Conn, batch, record

at = sys.argv[1]
c = Conn(at, 5)
p = f"an{os.getpid():07}-"  # what the names of this run begin with
names = {}                  # what only this run knows, and what is said instead
none = 0
said = []

# Texts, addresses and times are each broker's own.
PRIVATE = {"throttle_time_ms", "error_message", "host", "port", "cluster_id", "last_timestamp", "log_dir", "total_bytes",
           "usable_bytes", "transaction_start_time_ms", "documentation", "is_cordoned", "batch_index_error_message"}
FEWER = {"list_transactions": 1}  # versions of ours that end before Kafka's


def is_unordered(x):
    """Partitions and members, which Kafka keeps in hash tables."""
    return isinstance(x, dict) and bool({"partition_index", "member_id"} & set(x))


def clean(v):
    if isinstance(v, dict):
        return {k: names.get(x, x) if k == "producer_id" else clean(x) for k, x in v.items() if k not in PRIVATE}
    if isinstance(v, list):
        return sorted((clean(x) for x in v), key=str) if any(is_unordered(x) for x in v) else [clean(x) for x in v]
    if isinstance(v, bytes):
        return "no id" if v == bytes(16) else "an id" if len(v) == 16 else f"{len(v)} bytes"
    return names.get(v, v.replace(p, "").replace(p.replace("-", "."), "")) if isinstance(v, str) else v


def say(label, api, values, versions=None, only=None):
    """`values`: of the request, or a function that makes them for a version. `only`: makes the part of the answer to be seen."""
    _, since, to, _ = APIS[api]
    runs = []
    for version in versions or range(since, FEWER.get(api, to) + 1):
        try:
            got = ask(c, api, version, values(version) if callable(values) else values)
            got = json.dumps(clean(only(got) if only else got), separators=(",", ":"))
        except (Closed, TimeoutError) as e:
            got = "closed" if isinstance(e, Closed) else "silence"
            c.__init__(at, 5)
        if runs and runs[-1][2] == got:
            runs[-1][1] = version
        else:
            runs.append([version, version, got])
    for a, b, got in runs:
        said.append((f"{api} {label}", f"{a}-{b}" if a < b else f"{a}", got))


def topic(name, partitions=1, **configs):
    name = p + name
    assert raw.create(c, name, partitions, [(k.replace("_", "."), v) for k, v in configs.items()]) == none
    kit.until(lambda: all(raw.high(c, name, i) == 0 for i in range(partitions)))
    return name


def coordinated(group, kind=0):
    """Kafka makes the coordinators' topics, and loads them, when they are asked for."""
    kit.until(lambda: raw.coordinator(c, group, kind) == none)
    if kind == 0:
        kit.until(lambda: join(group, member="nobody")["error_code"] not in (14, 15, 16))


def subscription(*topics):
    return b"\0\0" + raw.array([raw.text(t) for t in topics]) + raw.blob(None)


def join(group, member="", session=10000, protocols=None, instance=None, version=5, kind="consumer", topics=()):
    protocols = [{"name": "range", "metadata": subscription(*topics)}] if protocols is None else protocols
    return ask(c, "join_group", version, {"group_id": group, "session_timeout_ms": session, "rebalance_timeout_ms": session,
                                          "member_id": member, "group_instance_id": instance, "protocol_type": kind,
                                          "protocols": protocols})


def filled(name, n=10, **configs):
    name = topic(name, **configs)
    for i in range(n):
        key = b"k" if configs else None
        assert raw.produce(c, name, batch([record(key=key)], base_ms=1700000000000 + (5000 if i == 4 else i)))[0] == none
    return name
