"""Cases of answers.py: groups, producers, transactions."""
import kit
import raw
from asked import ask, at, c, clean, coordinated, join, names, none, p, said, say, subscription, topic
from messages import receive, send
from raw import batch


def member_of(group, topics=(), instance=None):
    """A member of a group that it is alone in, and stable."""
    coordinated(group)
    got = join(group, instance=instance, topics=topics)
    if got["error_code"] == 79:
        got = join(group, got["member_id"], topics=topics)
    assert got["error_code"] == none, got
    ask(c, "sync_group", 3, {"group_id": group, "generation_id": got["generation_id"], "member_id": got["member_id"],
                             "group_instance_id": instance,
                             "assignments": [{"member_id": got["member_id"], "assignment": b"a"}]})
    names[got["member_id"]] = "its member"
    return got["member_id"], got["generation_id"]


def commit(group, topic_, offset, member="", generation=-1, version=7, partition=0, note=""):
    got = ask(c, "offset_commit", version, {"group_id": group, "generation_id_or_member_epoch": generation, "member_id": member,
              "topics": [{"name": topic_, "partitions": [{"partition_index": partition, "committed_offset": offset,
                                                          "committed_metadata": note}]}]})
    return got["topics"][0]["partitions"][0]["error_code"]


# ---- groups ----

def groups():
    """FindCoordinator, DescribeGroups, ListGroups, DeleteGroups, OffsetDelete, OffsetCommit, OffsetFetch, LeaveGroup"""
    g, t = p + "group", topic("grouped", 2)
    member, generation = member_of(g, [t])
    empty = p + "empty"
    coordinated(empty)
    coordinated(p + "txn", 1)
    assert commit(empty, t, 5, note="a note") == none and commit(g, t, 3, member, generation) == none

    def find(v, kind, *keys):
        return ({"coordinator_keys": list(keys)} if v >= 4 else {"key": keys[0]}) | ({"key_type": kind} if v else {})
    for label, kind, keys in (("of a group", 0, [g]), ("of the empty group", 0, [""]), ("of kind 3", 3, ["x"]), ("of kind -1", -1, ["x"]),
                              ("of the empty transaction", 1, [""])):
        say(label, "find_coordinator", lambda v: find(v, kind, *keys), range(1 if kind else 0, 7))
    say("of two", "find_coordinator", lambda v: find(v, 0, g, g), range(4, 7))
    say("of none", "find_coordinator", {"key_type": 0}, range(4, 7))

    def described(got):
        return [{k: x[k] for k in x if k != "members"} | {"members": [
            {k: m[k] for k in m if k not in ("client_host",)} for m in x["members"]]} for x in got["groups"]]
    for label, which in (("stable", g), ("empty", empty), ("that is none", p + "none"), ("without a name", "")):
        say(label, "describe_groups", {"groups": [which]}, only=described)
        say(f"{label}, with operations", "describe_groups", {"groups": [which], "include_authorized_operations": True}, [3, 6],
            lambda got: got["groups"][0]["authorized_operations"])
    say("twice", "describe_groups", {"groups": [empty, empty]}, only=lambda got: len(got["groups"]))
    say("of none", "describe_groups", {})

    def mine(got):
        return [got["error_code"]] + sorted(({k: clean(x[k]) for k in x} for x in got["groups"] if x["group_id"].startswith(p)), key=str)
    say("of all", "list_groups", {}, only=mine)
    for states in (["Stable"], ["stable"], ["Empty"], ["Dead"], ["Nothing"], ["Stable", "Empty"], ["Nothing", "Empty"]):
        say(f"that are {' and '.join(states)}", "list_groups", lambda v: {"states_filter": states}, [4, 5], mine)
    for types in (["classic"], ["Classic"], ["consumer"], ["nothing"], ["nothing", "classic"]):
        say(f"of type {' and '.join(types)}", "list_groups", lambda v: {"types_filter": types}, [5], mine)

    def offsets(group, topics, stable=False):
        def make(v):
            if v < 8:
                out = {"group_id": group, "topics": topics}
            else:
                out = {"groups": [{"group_id": group, "topics": topics}]}
            return out | ({"require_stable": stable} if v >= 7 else {})
        return make
    some = [{"name": t, "partition_indexes": [0, 1, 9]}, {"name": p + "none", "partition_indexes": [0]}]
    by_name = range(1, 10)
    say("of some", "offset_fetch", offsets(empty, some), by_name)
    say("of all", "offset_fetch", offsets(empty, None), range(2, 10))
    say("of none", "offset_fetch", offsets(empty, []), by_name)
    say("of no group", "offset_fetch", offsets(p + "none", some), by_name)
    say("of no group, all", "offset_fetch", offsets(p + "none", None), range(2, 10))
    say("of the empty group", "offset_fetch", offsets("", some), by_name)
    say("of a group with members", "offset_fetch", offsets(g, some), by_name)
    ident = ask(c, "metadata", 12, {"topics": [{"name": t}]})["topics"][0]["topic_id"]
    say("by id", "offset_fetch", {"groups": [{"group_id": empty, "topics": [
        {"topic_id": ident, "partition_indexes": [0, 9]}, {"topic_id": b"\1" * 16, "partition_indexes": [0]}]}]}, [10])
    say("with an epoch", "offset_fetch", {"groups": [{"group_id": empty, "member_id": "m", "member_epoch": 3, "topics": [
        {"name": t, "partition_indexes": [0]}]}]}, [9])
    say("of two groups", "offset_fetch", {"groups": [{"group_id": x, "topics": [{"name": t, "partition_indexes": [0]}]}
                                                     for x in (g, empty)]}, [8, 9])

    def committed(group, gen=-1, who="", partition=0, name=t, offset=5, note="", instance=None):
        return lambda v: {"group_id": group, "generation_id_or_member_epoch": gen, "member_id": who, "topics": [
            {"name": name, "partitions": [{"partition_index": partition, "committed_offset": offset, "committed_metadata": note}]}]} | (
            {"group_instance_id": instance} if v >= 7 else {})
    old = range(2, 10)
    say("of a stranger", "offset_commit", committed(g, generation, "nobody"), old)
    say("of nobody, to a group with members", "offset_commit", committed(g), old)
    say("of a generation before", "offset_commit", committed(g, 0, member), old)
    say("of a generation to come", "offset_commit", committed(g, 9, member), old)
    say("of a member to an empty group", "offset_commit", committed(empty, 1, "x"), old)
    say("of partition 9", "offset_commit", committed(empty, partition=9), old)
    say("of partition -1", "offset_commit", committed(empty, partition=-1), old)
    say("of no topic", "offset_commit", committed(empty, name=p + "none"), old)
    say("of a negative offset", "offset_commit", committed(empty, offset=-5), old)
    say("with a long note", "offset_commit", committed(empty, note="x" * 4097), old)
    say("with a note of 4096", "offset_commit", committed(empty, note="x" * 4096), old)
    say("with no note", "offset_commit", committed(empty, note=None), old)
    say("to a group without a name", "offset_commit", committed(""), old)
    say("of nothing", "offset_commit", {"group_id": empty}, old)
    say("by an id that is none", "offset_commit", {"group_id": empty, "topics": [
        {"topic_id": b"\1" * 16, "partitions": [{"partition_index": 0, "committed_offset": 1}]}]}, [10])
    say("a static member that is none", "offset_commit", committed(g, generation, member, instance="i"), range(7, 10))

    def forget(group, name=t, *partitions):
        return {"group_id": group, "topics": [{"name": name, "partitions": [{"partition_index": i} for i in partitions]}]}
    def sorted_out(got):
        return [got["error_code"], [[clean(x["name"]), sorted([y["partition_index"], y["error_code"]] for y in x["partitions"])]
                                    for x in got["topics"]]]
    say("of a topic that is read", "offset_delete", forget(g, t, 0, 9), only=sorted_out)
    say("of a topic that is none", "offset_delete", forget(g, p + "none", 0))
    say("of no group", "offset_delete", forget(p + "none", t, 0))
    say("of the empty group", "offset_delete", forget("", t, 0))
    say("of partitions, one is none", "offset_delete", forget(empty, t, 0, 1, 9), only=sorted_out)
    say("of nothing", "offset_delete", {"group_id": empty})
    say("was done", "offset_fetch", offsets(empty, some), [7])
    assert commit(empty, t, 7) == none

    def beat(group, gen, who, instance=None):
        return lambda v: {"group_id": group, "generation_id": gen, "member_id": who} | ({"group_instance_id": instance} if v >= 3 else {})
    for label, args in (("", (g, generation, member)), ("of another generation", (g, 9, member)), ("of a stranger", (g, 1, "nobody")),
                        ("of no group", (p + "none", 1, "m")), ("of the empty group", ("", 1, "m")), ("of no member", (g, 1, "")),
                        ("of an empty one", (empty, 0, "m"))):
        say(label, "heartbeat", beat(*args))
        say(label, "sync_group", lambda v: beat(*args)(v) | ({"protocol_type": "consumer", "protocol_name": "range"} if v >= 5 else {}))
    say("static, that is none", "heartbeat", beat(g, generation, member, "i"), [3, 4])
    say("of another type", "sync_group", beat(g, generation, member), [5])
    say("of another protocol", "sync_group", lambda v: beat(g, generation, member)(v) | {
        "protocol_type": "consumer", "protocol_name": "other"}, [5])

    def gone(group, *members):
        return lambda v: {"group_id": group} | ({"member_id": members[0][0]} if v < 3 else {"members": [
            {"member_id": m, "group_instance_id": i} for m, i in members]})
    say("of a stranger", "leave_group", gone(g, ("nobody", None)))
    say("of no group", "leave_group", gone(p + "none", ("m", None)))
    say("of the empty group", "leave_group", gone("", ("m", None)))
    say("of a static one that is none", "leave_group", gone(g, ("", "i")), range(3, 6))
    say("of two", "leave_group", gone(g, ("nobody", None), ("", "i")), range(3, 6))
    say("of none", "leave_group", {"group_id": g}, range(3, 6))

    say("of one with members", "delete_groups", {"groups_names": [g]})
    say("of one that is none", "delete_groups", {"groups_names": [p + "none"]})
    say("without a name", "delete_groups", {"groups_names": [""]})
    say("of none", "delete_groups", {})
    say("of both", "delete_groups", {"groups_names": [empty, g]}, [2], only=lambda got: {
        "results": sorted(([clean(r["group_id"]), r["error_code"]] for r in got["results"]))})
    say("of one that is gone", "delete_groups", {"groups_names": [empty]})
    say("of one that is gone", "describe_groups", {"groups": [empty]}, [5, 6], only=described)
    say("of members", "leave_group", gone(g, (member, None)), [3])
    say("that everybody left", "describe_groups", {"groups": [g]}, [5, 6], only=described)


def members():
    """JoinGroup: names, sessions, protocols, static members that come again"""
    g = p + "joined"
    coordinated(g)

    def body(group=g, session=10000, rebalance=10000, member="", instance=None, kind="consumer", protocols=(("range", subscription()),)):
        return lambda v: {"group_id": group, "session_timeout_ms": session, "member_id": member, "protocol_type": kind, "protocols": [
            {"name": n, "metadata": m} for n, m in protocols]} | ({"rebalance_timeout_ms": rebalance} if v else {}) | (
            {"group_instance_id": instance} if v >= 5 else {})
    for label, more in (("without a name", {"group": ""}), ("of a short session", {"session": 5999}), ("of a long session", {"session": 1800001}),
                        ("of a stranger", {"member": "nobody"}), ("of no protocols", {"protocols": ()}), ("of no type", {"kind": ""}),
                        ("of no type and protocols", {"kind": "", "protocols": ()})):
        say(label, "join_group", body(**more))
    say("of a stranger, static", "join_group", body(member="nobody", instance="i"), range(5, 10))

    def others(got):
        new = got["member_id"]
        return {k: got[k] for k in got if k not in ("member_id", "leader", "members")} | {
            "is another": new != member, "leads": got["leader"] == new, "members": len(got["members"])}
    member = None
    say("of an empty instance", "join_group", body(group=p + "static-1", instance=""), [5], others)
    say("of a strange instance", "join_group", body(group=p + "static-2", instance="a b"), [5], others)
    say("of a long instance", "join_group", body(group=p + "static-3", instance="x" * 250), [5], others)
    g = p + "static"
    member, generation = member_of(g, instance="i")
    say("of a static one by another id", "join_group", body(g, member="nobody", instance="i"), range(5, 10))
    for v in (5, 9):
        say(f"of a static one again in {v}", "join_group", body(g, instance="i"), [v], others)
    say("static, by its old id", "heartbeat", lambda v: {"group_id": g, "generation_id": generation, "member_id": member,
                                                         "group_instance_id": "i"}, [3, 4])
    say("of a static one by its old id", "join_group", body(g, member=member, instance="i"), range(5, 10))
    say("static, by no id", "leave_group", {"group_id": g, "members": [{"member_id": "", "group_instance_id": "i"}]}, [3])


class Second:
    """Another member, that waits for an answer while the first one goes on."""
    def __init__(self):
        self.c = raw.Conn(at, 20)

    def send(self, api, version, values):
        self.api, self.version = api, version
        send(self.c, api, version, values)

    def answer(self):
        return receive(self.c, self.api, self.version)


def rebalances():
    """JoinGroup, SyncGroup, Heartbeat, OffsetCommit, LeaveGroup while members come, agree and go"""
    t, g = topic("shared", 2), p + "shared"
    member, generation = member_of(g, [t])
    two = Second()

    def body(who="", protocols=("range",), kind="consumer"):
        return {"group_id": g, "session_timeout_ms": 10000, "rebalance_timeout_ms": 10000, "member_id": who, "protocol_type": kind,
                "protocols": [{"name": n, "metadata": subscription(t)} for n in protocols]}

    def state():
        return ask(c, "describe_groups", 4, {"groups": [g]})["groups"][0]["group_state"]

    def look(label, gen):
        """What the first member may do."""
        say(label, "heartbeat", {"group_id": g, "generation_id": gen, "member_id": member}, [4])
        say(f"{label}, of a generation to come", "heartbeat", {"group_id": g, "generation_id": gen + 7, "member_id": member}, [4])
        say(label, "offset_commit", {"group_id": g, "generation_id_or_member_epoch": gen, "member_id": member, "topics": [
            {"name": t, "partitions": [{"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]}, [2, 7, 9])
        say(f"{label}, of nobody", "offset_commit", {"group_id": g, "generation_id_or_member_epoch": -1, "member_id": "", "topics": [
            {"name": t, "partitions": [{"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]}, [7])
        say(label, "describe_groups", {"groups": [g]}, [5], lambda got: [
            [x["group_state"], x["protocol_type"], x["protocol_data"], [[clean(m["member_id"]), len(m["member_metadata"]),
             len(m["member_assignment"])] for m in sorted(x["members"], key=lambda m: m["member_id"] != member)]] for x in got["groups"]])
        say(f"{label}, with strange protocols", "join_group", body(protocols=("strange",)), [5])
        say(f"{label}, of another type", "join_group", body(kind="connect"), [5])
        say(label, "delete_groups", {"groups_names": [g]}, [2])
    look("of one", generation)
    two.send("join_group", 5, body())
    other = two.answer()["member_id"]
    names[other] = "the other"
    say("that is pending", "heartbeat", {"group_id": g, "generation_id": generation, "member_id": other}, [4])
    say("that is pending", "sync_group", {"group_id": g, "generation_id": generation, "member_id": other}, [3])
    look("with one pending", generation)
    two.send("join_group", 5, body(other))
    kit.until(lambda: state() == "PreparingRebalance")
    look("preparing", generation)
    say("preparing", "sync_group", {"group_id": g, "generation_id": generation, "member_id": member}, [3])
    say("again", "join_group", body(member), [5])
    joined = two.answer()
    said.append(("join_group of the other", "5", f"{joined['error_code']} {joined['generation_id']} {joined['leader'] == member}"))
    generation = joined["generation_id"]
    look("completing", generation)
    two.send("sync_group", 3, {"group_id": g, "generation_id": generation, "member_id": other})
    say("of the leader", "sync_group", {"group_id": g, "generation_id": generation, "member_id": member, "assignments": [
        {"member_id": member, "assignment": b"a"}, {"member_id": other, "assignment": b"bb"},
        {"member_id": "nobody", "assignment": b"ccc"}]}, [3])
    synced = two.answer()
    said.append(("sync_group of the other", "3", f"{synced['error_code']} {len(synced['assignment'])} bytes"))
    look("stable again", generation)
    say("of the leader, again", "sync_group", {"group_id": g, "generation_id": generation, "member_id": member}, [3])
    say("of the other", "leave_group", {"group_id": g, "members": [{"member_id": other}]}, [3])
    look("when one has left", generation)
    say("of who has left", "heartbeat", {"group_id": g, "generation_id": generation, "member_id": other}, [4])
    say("alone", "join_group", body(member), [5])
    say("alone, completing", "heartbeat", {"group_id": g, "generation_id": generation + 1, "member_id": member}, [4])
    say("of the last one", "leave_group", {"group_id": g, "members": [{"member_id": member}]}, [3])
    say("when all have left", "describe_groups", {"groups": [g]}, [5])
    say("of a member, when all have left", "offset_commit", {"group_id": g, "generation_id_or_member_epoch": generation + 1,
        "member_id": member, "topics": [{"name": t, "partitions": [{"partition_index": 0, "committed_offset": 1}]}]}, [7])


# ---- producers and transactions ----

def producers():
    """InitProducerId, DescribeProducers: ids and epochs that are given, partitions that are not there"""
    t, x = topic("produced"), p + "txn"
    coordinated(x, 1)
    kit.until(lambda: ask(c, "init_producer_id", 4, {"transactional_id": x, "transaction_timeout_ms": 60000})["error_code"] == none)

    def error(got):
        return [got["error_code"], got["producer_id"] >= 0, got["producer_epoch"]]

    def init(txn, timeout=60000, pid=-1, epoch=-1):
        return lambda v: {"transactional_id": txn, "transaction_timeout_ms": timeout} | (
            {"producer_id": pid, "producer_epoch": epoch} if v >= 3 else {})
    say("of no transactions", "init_producer_id", init(None), only=error)
    say("of no transactions, no time", "init_producer_id", init(None, -1), only=error)
    say("of no transactions, with an id", "init_producer_id", init(None, pid=5, epoch=3), range(3, 6), error)
    say("of the empty transaction", "init_producer_id", init(""), only=error)
    for timeout in (0, -1, 900001):
        say(f"of {timeout} ms", "init_producer_id", init(x, timeout), only=error)
    say("with an epoch and no id", "init_producer_id", init(x, epoch=1), range(3, 6), error)
    say("with an id and no epoch", "init_producer_id", init(x, pid=1), range(3, 6), error)
    say("with another's id", "init_producer_id", init(x, pid=2 ** 40, epoch=0), range(3, 6), error)
    say("new, with an id", "init_producer_id", init(x + "-new", pid=2 ** 40, epoch=0), [3], error)
    got = ask(c, "init_producer_id", 4, {"transactional_id": x, "transaction_timeout_ms": 60000})
    pid, epoch = got["producer_id"], got["producer_epoch"]
    say("with its id and epoch", "init_producer_id", init(x, pid=pid, epoch=epoch), [4], lambda got: [
        got["error_code"], got["producer_id"] == pid, got["producer_epoch"] - epoch])
    say("with the epoch before", "init_producer_id", init(x, pid=pid, epoch=epoch), [4], lambda got: [
        got["error_code"], got["producer_id"] == pid, got["producer_epoch"] - epoch])
    say("with an older epoch", "init_producer_id", init(x, pid=pid, epoch=max(epoch - 1, 0)), range(3, 6), error)
    say("with a newer epoch", "init_producer_id", init(x, pid=pid, epoch=epoch + 9), range(3, 6), error)
    other = raw.init_producer(c)[1]
    names[other] = "its producer"
    for i in range(2):
        assert raw.produce(c, t, batch(producer=other, epoch=0, sequence=i))[0] == none

    def about(name, *partitions):
        return {"topics": [{"name": name, "partition_indexes": list(partitions)}]}
    say("of one", "describe_producers", about(t, 0))
    say("of partitions that are none", "describe_producers", about(t, 7, -1))
    say("of no topic", "describe_producers", about(p + "none", 0))
    say("of a name that cannot be", "describe_producers", about("a b", 0))
    say("of nothing", "describe_producers", {})


def transactions():
    """AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn, DescribeTransactions, ListTransactions, WriteTxnMarkers"""
    t, x, g = topic("txns", 2), p + "tx", p + "tx-group"
    coordinated(x, 1)
    coordinated(g)
    for _ in range(2):
        error, pid, epoch = raw.init_producer(c, x)
    assert error == none and epoch > 0
    names[pid] = "its producer"

    def add(v, pid_=pid, epoch_=epoch, name=t, partitions=(0,), txn=x):
        topics = [{"name": name, "partitions": list(partitions)}]
        return {"v3_and_below_transactional_id": txn, "v3_and_below_producer_id": pid_, "v3_and_below_producer_epoch": epoch_,
                "v3_and_below_topics": topics}
    old = range(0, 4)
    for label, more in (("of another id", {"pid_": 2 ** 40}), ("of a newer epoch", {"epoch_": 9}), ("of no transaction", {"txn": p + "none"}),
                        ("of no topic", {"name": p + "none"}), ("of partitions, one is none", {"partitions": (0, 9)}),
                        ("of a negative epoch", {"epoch_": -1}), ("of the empty transaction", {"txn": ""})):
        say(label, "add_partitions_to_txn", lambda v: add(v, **more), old, lambda got: [
            [x["name"], sorted([y["partition_index"], y["partition_error_code"]] for y in x["results_by_partition"])]
            for x in got["results_by_topic_v3_and_below"]])
    def offsets(group=g, pid_=pid, epoch_=epoch, txn=x):
        return {"transactional_id": txn, "producer_id": pid_, "producer_epoch": epoch_, "group_id": group}
    for label, more in (("of another id", {"pid_": 2 ** 40}), ("of a newer epoch", {"epoch_": 9}), ("of no transaction", {"txn": p + "none"})):
        say(label, "add_offsets_to_txn", offsets(**more))

    def end(pid_=pid, epoch_=epoch, txn=x, committed=True):
        return {"transactional_id": txn, "producer_id": pid_, "producer_epoch": epoch_, "committed": committed}
    for label, more in (("of another id", {"pid_": 2 ** 40}), ("of a newer epoch", {"epoch_": 9}), ("of no transaction", {"txn": p + "none"}),
                        ("of nothing open", {}), ("of the empty transaction", {"txn": ""})):
        say(label, "end_txn", end(**more))
    say("of nothing open, aborted", "end_txn", end(committed=False), range(0, 5))
    say("after init", "describe_transactions", {"transactional_ids": [x, p + "none", ""]})
    say("of nothing", "describe_transactions", {})
    assert raw.add_partitions(c, x, pid, epoch, t) == none
    say("again", "add_partitions_to_txn", add, old)
    say("of nothing", "add_partitions_to_txn", lambda v: add(v) | {"v3_and_below_topics": []}, old)
    say("of a group", "add_offsets_to_txn", offsets())
    say("of the empty group", "add_offsets_to_txn", offsets(group=""))
    say("with a group", "describe_transactions", {"transactional_ids": [x]}, only=lambda got: [
        [s["transaction_state"], sorted([clean(y["topic"]), y["partitions"]] for y in s["topics"] if y["topic"].startswith(p)),
         [y["topic"] for y in s["topics"] if not y["topic"].startswith(p)]] for s in got["transaction_states"]])

    def txn_commit(group=g, pid_=pid, epoch_=epoch, txn=x, gen=-1, who="", partition=0, name=t, note="", instance=None):
        return lambda v: {"transactional_id": txn, "group_id": group, "producer_id": pid_, "producer_epoch": epoch_, "topics": [
            {"name": name, "partitions": [{"partition_index": partition, "committed_offset": 3, "committed_metadata": note}]}]} | (
            {"generation_id": gen, "member_id": who, "group_instance_id": instance} if v >= 3 else {})
    v1 = range(0, 5)
    say("", "txn_offset_commit", txn_commit(), v1)
    for label, more in (("of a newer epoch", {"epoch_": epoch + 9}), ("of an older epoch", {"epoch_": epoch - 1}), ("of no topic", {"name": p + "none"}),
                        ("of partition 9", {"partition": 9}), ("with a long note", {"note": "x" * 4097}), ("to the empty group", {"group": ""})):
        say(label, "txn_offset_commit", txn_commit(**more), v1)
    for label, more in (("of a stranger", {"gen": 1, "who": "nobody"}), ("of a generation without a member", {"gen": 1}),
                        ("of a static one that is none", {"gen": 1, "who": "m", "instance": "i"})):
        say(label, "txn_offset_commit", txn_commit(**more), [3, 4])
    say("while it is open", "offset_fetch", {"group_id": g, "topics": [{"name": t, "partition_indexes": [0, 1]}]}, range(1, 7))
    say("while it is open, stable ones", "offset_fetch", {"group_id": g, "topics": [{"name": t, "partition_indexes": [0, 1]}],
                                                          "require_stable": True}, [7])
    say("while it is open, all stable ones", "offset_fetch", {"group_id": g, "topics": None, "require_stable": True}, [7])
    say("while a transaction is open", "offset_delete", {"group_id": g, "topics": [{"name": t, "partitions": [{"partition_index": 0}]}]})
    say("while a transaction is open", "delete_groups", {"groups_names": [g]}, [2])
    assert raw.produce(c, t, batch(producer=pid, epoch=epoch, sequence=0, attributes=16), txn=x)[0] == none
    say("with an open transaction", "describe_producers", {"topics": [{"name": t, "partition_indexes": [0, 1]}]})
    say("of it", "list_offsets", lambda v: {"replica_id": -1, "isolation_level": 1, "topics": [
        {"name": t, "partitions": [{"partition_index": 0, "timestamp": -1}]}]}, range(2, 12))

    def listed(got):
        return [got["error_code"], sorted(got["unknown_state_filters"]), [
            [clean(s["transactional_id"]), names.get(s["producer_id"]), s["transaction_state"]]
            for s in got["transaction_states"] if s["transactional_id"] == x]]
    for label, more in (("of all", {}), ("that are open", {"state_filters": ["Ongoing"]}), ("that are empty", {"state_filters": ["Empty"]}),
                        ("of a state that is none", {"state_filters": ["Nothing"]}), ("of a state in small", {"state_filters": ["ongoing"]}),
                        ("of two states", {"state_filters": ["Nothing", "Ongoing"]}), ("of a producer", {"producer_id_filters": [pid]}),
                        ("of another producer", {"producer_id_filters": [2 ** 40]}), ("of producer -1", {"producer_id_filters": [-1]})):
        say(label, "list_transactions", more, only=listed)
    for ms in (0, 1000000, -2):
        say(f"open for {ms} ms", "list_transactions", {"duration_filter": ms}, [1], listed)
    say("to abort", "end_txn", end(committed=False), [4])
    kit.until(lambda: raw.fetch(c, t, 0, committed=True)[1] == 2)
    say("when it is aborted", "offset_fetch", {"group_id": g, "topics": [{"name": t, "partition_indexes": [0]}]}, [6])
    kit.until(lambda: "Complete" in ask(c, "describe_transactions", 0, {"transactional_ids": [x]})["transaction_states"][0]["transaction_state"])
    say("when it is aborted", "describe_transactions", {"transactional_ids": [x]})
    say("when it is aborted", "describe_producers", {"topics": [{"name": t, "partition_indexes": [0]}]})

    def marker(name, partition=0, pid_=pid, epoch_=epoch, result=False, coordinator=0):
        return {"markers": [{"producer_id": pid_, "producer_epoch": epoch_, "transaction_result": result, "coordinator_epoch": coordinator,
                             "topics": [{"name": name, "partition_indexes": [partition]}]}]}
    say("for partition 9", "write_txn_markers", marker(t, 9))
    say("for no topic", "write_txn_markers", marker(p + "none"))
    say("of an older epoch", "write_txn_markers", marker(t, epoch_=epoch - 1))
    say("of nothing", "write_txn_markers", {})


CASES = [groups, members, rebalances, producers, transactions]
