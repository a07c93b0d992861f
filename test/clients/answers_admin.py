"""Cases of answers.py: offsets, topics, settings, what operators ask."""
import json

import kit
from asked import ask, c, clean, coordinated, filled, none, p, say, topic


# ---- offsets ----

def list_offsets():
    """ListOffsets: special timestamps, leader epochs, isolation, what is not there"""
    t = filled("offsets")

    def one(timestamp=-1, partition=0, epoch=-1, name=t):
        return {"replica_id": -1, "topics": [{"name": name, "partitions": [
            {"partition_index": partition, "current_leader_epoch": epoch, "timestamp": timestamp}]}]}
    for special in (-1, -2, -3, -4, -5, -6, -7, -100):
        say(f"of {special}", "list_offsets", one(special))
    for ms in (0, 1700000000003, 1700000000004, 1700000005000, 1700000005001, 2 ** 63 - 1):
        say(f"at {ms}", "list_offsets", one(ms), [1, 11])
    say("of partition 7", "list_offsets", one(partition=7))
    say("of partition -1", "list_offsets", one(partition=-1))
    say("of no topic", "list_offsets", one(name=p + "none"))
    say("of a name that cannot be", "list_offsets", one(name="a b"))
    for epoch in (0, 1, -2):
        say(f"of epoch {epoch}", "list_offsets", lambda v: one(epoch=epoch), range(4, 12))
    for replica in (1, 0, -2, 7):
        say(f"for replica {replica}", "list_offsets", one() | {"replica_id": replica})
    say("of one partition twice", "list_offsets", lambda v: {"replica_id": -1, "topics": [
        {"name": t, "partitions": [{"partition_index": 0, "timestamp": -1}, {"partition_index": 0, "timestamp": -2}]}]})
    say("of nothing", "list_offsets", {"replica_id": -1})
    say("isolation 7", "list_offsets", lambda v: one() | {"isolation_level": 7}, range(2, 12))
    ask(c, "delete_records", 2, {"topics": [{"name": t, "partitions": [{"partition_index": 0, "offset": 6}]}],
                                 "timeout_ms": 5000})
    for special in (-2, -3, 0, 1700000005000):
        say(f"of {special} behind what was deleted", "list_offsets", one(special), [7, 11])


def leader_epochs():
    """OffsetForLeaderEpoch: epochs that are, were and will be"""
    t = filled("epochs", 3)

    def one(asked, current=-1, partition=0, name=t, replica=-1):
        return lambda v: {"topics": [{"topic": name, "partitions": [{"partition": partition, "current_leader_epoch": current,
                          "leader_epoch": asked}]}]} | ({"replica_id": replica} if v >= 3 else {})
    for asked in (0, 1, -1, -2, 77):
        say(f"of {asked}", "offset_for_leader_epoch", one(asked))
    for current in (0, 1, -2):
        say(f"at {current}", "offset_for_leader_epoch", one(0, current))
    say("of partition 7", "offset_for_leader_epoch", one(0, partition=7))
    say("of no topic", "offset_for_leader_epoch", one(0, name=p + "none"))
    say("of an empty topic", "offset_for_leader_epoch", one(0, name=topic("epochs-empty")))
    for replica in (-2, 1, 7):
        say(f"for replica {replica}", "offset_for_leader_epoch", one(0, replica=replica))
    say("of nothing", "offset_for_leader_epoch", {})


def delete_records():
    """DeleteRecords: up to where, twice, beyond, compacted, internal"""
    t, k = filled("trim"), filled("trim-compact", 2, cleanup_policy="compact")
    both = filled("trim-both", 2, cleanup_policy="compact,delete")

    def one(offset, partition=0, name=t):
        return {"topics": [{"name": name, "partitions": [{"partition_index": partition, "offset": offset}]}], "timeout_ms": 5000}
    for offset in (0, 3, 3, 1, 11, -2, -3, 2 ** 63 - 1, 10, -1):
        say(f"to {offset}", "delete_records", one(offset))
    say("of partition 7", "delete_records", one(0, 7))
    say("of partition -1", "delete_records", one(0, -1))
    say("of no topic", "delete_records", one(0, name=p + "none"))
    say("of a name that cannot be", "delete_records", one(0, name="a b"))
    say("of a compacted topic", "delete_records", one(1, name=k))
    say("of one compacted and deleted", "delete_records", one(1, name=both))
    say("twice of one partition", "delete_records", {"topics": [{"name": t, "partitions": [
        {"partition_index": 0, "offset": 10}, {"partition_index": 0, "offset": 99}]}], "timeout_ms": 5000})
    say("of nothing", "delete_records", {"timeout_ms": 5000})
    coordinated(p + "g")
    say("of an internal topic", "delete_records", one(0, name="__consumer_offsets"))
    say("is where it begins", "list_offsets", {"replica_id": -1, "topics": [
        {"name": t, "partitions": [{"partition_index": 0, "timestamp": -2}]}]}, [1, 11])


# ---- topics and settings ----

def metadata():
    """Metadata, DescribeTopicPartitions: names and ids that are there or not"""
    t = topic("meta", 3)

    def errors(got):
        return [{k: x.get(k) for k in ("error_code", "name", "topic_id", "is_internal")} | {"partitions": len(x["partitions"])}
                for x in got["topics"]]

    def named(*which):
        return lambda v: {"topics": [{"name": n} for n in which]} | ({"allow_auto_topic_creation": False} if v >= 4 else {})
    say("of one", "metadata", named(t))
    say("of none such", "metadata", named(p + "none"), range(4, 14), errors)
    say("of names that cannot be", "metadata", named("", "a b", ".", "x" * 250), range(4, 14), errors)
    say("of one twice", "metadata", named(t, t), only=errors)
    say("of nothing", "metadata", {"topics": []}, range(1, 14), errors)
    say("of an id that is none", "metadata", {"topics": [{"topic_id": b"\1" * 16, "name": None}]}, range(10, 14), errors)
    say("of no id and no name", "metadata", {"topics": [{"name": None}]}, range(10, 14), errors)
    say("with authorized operations", "metadata", lambda v: {"topics": [{"name": t}], "include_topic_authorized_operations": True}
        | ({"include_cluster_authorized_operations": True} if v < 11 else {}), range(8, 14),
        lambda got: [got.get("cluster_authorized_operations"), got["topics"][0]["topic_authorized_operations"]])
    said_id = ask(c, "metadata", 12, {"topics": [{"name": t}]})["topics"][0]["topic_id"]
    say("of its id", "metadata", {"topics": [{"topic_id": said_id, "name": None}]}, range(10, 14), errors)
    say("of its id and another name", "metadata", {"topics": [{"topic_id": said_id, "name": "x"}]}, range(10, 14), errors)

    def pages(*which, limit=2000, cursor=None):
        return {"topics": [{"name": n} for n in which], "response_partition_limit": limit, "cursor": cursor}
    say("of one", "describe_topic_partitions", pages(t))
    say("of none such", "describe_topic_partitions", pages(p + "none"))
    say("of names that cannot be", "describe_topic_partitions", pages("", "a b"))
    say("two at a time", "describe_topic_partitions", pages(t, limit=2))
    say("from a cursor", "describe_topic_partitions", pages(t, cursor={"topic_name": t, "partition_index": 2}))
    say("from a cursor beyond", "describe_topic_partitions", pages(t, cursor={"topic_name": t, "partition_index": 9}))
    say("from a negative cursor", "describe_topic_partitions", pages(t, cursor={"topic_name": t, "partition_index": -5}))
    say("from a cursor of another topic", "describe_topic_partitions", pages(t, cursor={"topic_name": p + "a", "partition_index": 1}))
    say("from a cursor behind all", "describe_topic_partitions", pages(t, cursor={"topic_name": p + "zzz", "partition_index": 1}))
    for limit in (0, -1):
        say(f"{limit} at a time", "describe_topic_partitions", pages(t, limit=limit))
    say("of one twice", "describe_topic_partitions", pages(t, t), only=lambda got: len(got["topics"]))


def create_topics():
    """CreateTopics, CreatePartitions, DeleteTopics: counts, copies, assignments, twice in one request"""
    t = topic("made", 2)

    def new(name, partitions=1, copies=1, assignments=(), configs=()):
        return {"name": p + name, "num_partitions": partitions, "replication_factor": copies, "configs": [
            {"name": k, "value": v} for k, v in configs],
            "assignments": [{"partition_index": i, "broker_ids": list(b)} for i, b in assignments]}

    def all_of(*topics, only_look=True):
        return {"topics": list(topics), "timeout_ms": 5000, "validate_only": only_look}

    def errors(got):
        return [[x["name"], x["error_code"], x.get("num_partitions"), x.get("replication_factor"),
                 sorted((k["name"], k["value"]) for k in x.get("configs") or [] if k["config_source"] == 1)]
                for x in sorted(got["topics"], key=lambda x: x["name"])]

    def see(label, *topics, **more):
        say(label, "create_topics", all_of(*topics, **more), only=errors)
    see("only to look", new("look"))
    see("with a setting", new("look", configs=[("retention.ms", "1000")]))
    see("with a setting twice", new("look", configs=[("retention.ms", "1000"), ("retention.ms", "2000")]))
    see("with a setting that is null", new("look", configs=[("retention.ms", None)]))
    see("that is there", new("made"))
    see("twice in one request", new("look"), new("look"))
    see("twice, and another", new("look"), new("look"), new("other"))
    for n in (0, -1, -2):
        see(f"of {n} partitions", new("look", n))
        see(f"of {n} copies", new("look", 1, n))
    see("of default partitions and copies", new("look", -1, -1))
    see("of an assignment", new("look", -1, -1, [(0, [1]), (1, [1])]))
    see("of an assignment and a count", new("look", 2, -1, [(0, [1]), (1, [1])]))
    see("of an assignment and copies", new("look", -1, 1, [(0, [1]), (1, [1])]))
    see("of an assignment to a stranger", new("look", -1, -1, [(0, [7])]))
    see("of an assignment with a gap", new("look", -1, -1, [(0, [1]), (2, [1])]))
    see("of an assignment that begins at 1", new("look", -1, -1, [(1, [1])]))
    see("of an assignment twice", new("look", -1, -1, [(0, [1]), (0, [1])]))
    see("of an assignment twice to one broker", new("look", -1, -1, [(0, [1, 1])]))
    see("of an assignment to nobody", new("look", -1, -1, [(0, [])]))
    see("like another but for a dot", {**new("x"), "name": t.replace("-", ".")})
    see("of nothing")

    def grown(count, name=t, assignments=None, look=True):
        return {"topics": [{"name": name, "count": count, "assignments": assignments and [
            {"broker_ids": b} for b in assignments]}], "timeout_ms": 5000, "validate_only": look}
    for n in (3, 2, 1, 0, -1):
        say(f"to {n}", "create_partitions", grown(n))
    say("of none such", "create_partitions", grown(3, p + "none"))
    say("with assignments", "create_partitions", grown(3, assignments=[[1]]))
    say("with too many assignments", "create_partitions", grown(3, assignments=[[1], [1]]))
    say("with an assignment to a stranger", "create_partitions", grown(3, assignments=[[7]]))
    say("with an assignment to nobody", "create_partitions", grown(3, assignments=[[]]))
    say("twice in one request", "create_partitions", {"topics": grown(3)["topics"] * 2, "timeout_ms": 5000, "validate_only": True})
    say("of nothing", "create_partitions", {"timeout_ms": 5000})

    def gone(*which):
        return lambda v: {"timeout_ms": 5000} | ({"topic_names": list(which)} if v < 6 else {"topics": [{"name": n} for n in which]})
    say("of none such", "delete_topics", gone(p + "none"))
    say("of names that cannot be", "delete_topics", gone("", "a b"), only=lambda got: sorted(
        [x["name"], x["error_code"]] for x in got["responses"]))
    say("of nothing", "delete_topics", gone())
    say("of one that is none twice", "delete_topics", gone(p + "none", p + "none"))
    say("of an id that is none", "delete_topics", {"topics": [{"name": None, "topic_id": b"\1" * 16}], "timeout_ms": 5000}, [6])
    say("of no id and no name", "delete_topics", {"topics": [{"name": None}], "timeout_ms": 5000}, [6])
    said_id = ask(c, "metadata", 12, {"topics": [{"name": t}]})["topics"][0]["topic_id"]
    say("of a name and an id", "delete_topics", {"topics": [{"name": t, "topic_id": said_id}], "timeout_ms": 5000}, [6])
    say("twice, by name and id", "delete_topics", {"topics": [{"name": t}, {"name": None, "topic_id": said_id}], "timeout_ms": 5000},
        [6], lambda got: [[x["name"], x["error_code"]] for x in got["responses"]])
    say("of one twice", "delete_topics", gone(t, t), [6])
    say("of one", "delete_topics", gone(t), [6])


def configs():
    """DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources: resources, names, values, operations"""
    t = topic("conf", retention_ms="1000", max_message_bytes="5000")

    def about(type_, name, keys=None):
        return {"resources": [{"resource_type": type_, "resource_name": name, "configuration_keys": keys}]}

    def brief(got):
        return [[r["error_code"], r["resource_type"], r["resource_name"], len(r["configs"]) > 0] for r in got["results"]]
    keys = ["retention.ms", "segment.bytes", "cleanup.policy", "message.timestamp.type"]
    say("of a topic", "describe_configs", about(2, t, keys),
        only=lambda got: [r["error_code"] for r in got["results"]] + sorted(
            ([k["name"], k["value"], k["read_only"], k["is_sensitive"], k["config_source"], k.get("config_type")]
             for k in got["results"][0]["configs"]), key=str))
    say("with synonyms", "describe_configs", about(2, t, ["max.message.bytes", "cleanup.policy"]) | {"include_synonyms": True},
        only=lambda got: sorted(json.dumps(k["synonyms"]) for k in got["results"][0]["configs"]))
    say("of keys that are none", "describe_configs", about(2, t, ["no.such", "retention.ms"]),
        only=lambda got: [k["name"] for k in got["results"][0]["configs"]])
    say("of no keys", "describe_configs", about(2, t, []), only=lambda got: len(got["results"][0]["configs"]) > 20)
    for label, type_, name in (("no topic", 2, p + "none"), ("a topic that cannot be", 2, "a b"), ("the empty topic", 2, ""),
                               ("broker 1", 4, "1"), ("broker 7", 4, "7"), ("broker x", 4, "x"), ("the default broker", 4, ""),
                               ("loggers of broker 1", 8, "1"), ("loggers of broker 7", 8, "7"), ("type 0", 0, "x"),
                               ("type 3", 3, "x"), ("type 99", 99, "x"), ("client metrics", 16, "x"), ("a group", 32, "x"),
                               ("the empty group", 32, "")):
        say(f"of {label}", "describe_configs", about(type_, name), only=brief)
    say("of one twice", "describe_configs", {"resources": about(2, t)["resources"] * 2}, only=brief)
    say("of nothing", "describe_configs", {})

    def set_(type_, name, pairs, look=True):
        return {"resources": [{"resource_type": type_, "resource_name": name, "configs": [
            {"name": k, "value": v} for k, v in pairs]}], "validate_only": look}
    for label, type_, name, pairs in (
            ("a setting", 2, t, [("retention.ms", "5000")]), ("nothing", 2, t, []), ("null", 2, t, [("retention.ms", None)]),
            ("a wrong value", 2, t, [("retention.ms", "soon")]), ("an unknown setting", 2, t, [("no.such", "1")]),
            ("one twice", 2, t, [("retention.ms", "1"), ("retention.ms", "2")]), ("no topic", 2, p + "none", [("retention.ms", "1")]),
            ("a topic that cannot be", 2, "a b", []), ("the empty topic", 2, "", []), ("type 0", 0, "x", []),
            ("type 99", 99, "x", []), ("broker 7", 4, "7", [])):
        say(label, "alter_configs", set_(type_, name, pairs))
    say("a resource twice", "alter_configs", {"resources": set_(2, t, [("retention.ms", "5")])["resources"] * 2,
                                              "validate_only": True}, [2])
    say("no resource", "alter_configs", {"validate_only": True})

    def change(type_, name, ops, look=True):
        return {"resources": [{"resource_type": type_, "resource_name": name, "configs": [
            {"name": k, "config_operation": op, "value": v} for k, op, v in ops]}], "validate_only": look}
    for label, ops in (("set", [("retention.ms", 0, "5000")]), ("delete", [("retention.ms", 1, None)]),
                       ("delete what is not set", [("segment.bytes", 1, None)]), ("append", [("cleanup.policy", 2, "compact")]),
                       ("append what is there", [("cleanup.policy", 2, "delete")]),
                       ("subtract", [("cleanup.policy", 3, "delete")]), ("subtract what is not there", [("cleanup.policy", 3, "compact")]),
                       ("append to no list", [("retention.ms", 2, "1")]), ("subtract from no list", [("retention.ms", 3, "1")]),
                       ("append null", [("cleanup.policy", 2, None)]), ("set null", [("retention.ms", 0, None)]),
                       ("operation 4", [("retention.ms", 4, "1")]), ("operation -1", [("retention.ms", -1, "1")]),
                       ("a wrong value", [("retention.ms", 0, "soon")]), ("a value too small", [("segment.bytes", 0, "1")]),
                       ("an empty list", [("cleanup.policy", 0, "")]), ("an unknown setting", [("no.such", 0, "1")]),
                       ("delete an unknown setting", [("no.such", 1, None)]), ("an empty name", [("", 0, "1")]),
                       ("one twice", [("retention.ms", 0, "1"), ("retention.ms", 1, None)]), ("nothing", []),
                       ("append an unknown policy", [("cleanup.policy", 2, "keep")]), ("spaces", [("retention.ms", 0, " 5000 ")]),
                       ("a list with spaces", [("cleanup.policy", 0, " compact , delete ")]),
                       ("a list twice the same", [("cleanup.policy", 0, "delete,delete")]),
                       ("an empty value", [("retention.ms", 0, "")]), ("a fraction", [("retention.ms", 0, "1.5")]),
                       ("a truth", [("preallocate", 0, "TRUE")]), ("no truth", [("preallocate", 0, "yes")]),
                       ("a ratio", [("min.cleanable.dirty.ratio", 0, "1.5")]), ("segments shorter than nothing", [("segment.ms", 0, "0")]),
                       ("lags that cross", [("min.compaction.lag.ms", 0, "10"), ("max.compaction.lag.ms", 0, "5")])):
        say(label, "incremental_alter_configs", change(2, t, ops))
    for label, type_, name in (("of no topic", 2, p + "none"), ("of a topic that cannot be", 2, "a b"), ("of type 0", 0, "x"),
                               ("of type 99", 99, "x"), ("of broker 7", 4, "7"), ("of broker x", 4, "x"), ("of the empty topic", 2, "")):
        say(label, "incremental_alter_configs", change(type_, name, [("retention.ms", 0, "5000")]))
    say("a resource twice", "incremental_alter_configs",
        {"resources": change(2, t, [("retention.ms", 0, "5")])["resources"] * 2, "validate_only": True})
    say("no resource", "incremental_alter_configs", {"validate_only": True})
    for label, types in (("of topics", [2]), ("of brokers", [4]), ("of loggers", [8]), ("of type 99", [99]), ("of type 0", [0])):
        say(label, "list_config_resources", {"resource_types": types}, [1], only=lambda got: [got["error_code"]] + sorted(
            [r["resource_type"], clean(r["resource_name"])] for r in got["config_resources"]
            if r["resource_type"] != 2 or r["resource_name"] == t))
    say("of all", "list_config_resources", {}, only=lambda got: [got["error_code"]] + sorted(
        {r.get("resource_type", 16) for r in got["config_resources"]}))


# ---- operators ----

def operators():
    """DescribeLogDirs, AlterReplicaLogDirs, ElectLeaders, reassignments, DescribeCluster, ACLs, ApiVersions"""
    t = topic("op", 2)
    kit.until(lambda: ask(c, "describe_log_dirs", 4, {"topics": [{"topic": t, "partitions": [0, 1]}]})["results"][0]["topics"])

    def dirs(got):
        return [got.get("error_code"), [[r["error_code"], [[x["name"], [[y["partition_index"], y["offset_lag"], y["is_future_key"]]
                for y in x["partitions"]]] for x in r["topics"]]] for r in got["results"]]]

    def where(name, *partitions):
        return {"topics": [{"topic": name, "partitions": list(partitions)}]}
    say("of one", "describe_log_dirs", where(t, 0), only=dirs)
    say("of partition 7", "describe_log_dirs", where(t, 7), only=dirs)
    say("of no topic", "describe_log_dirs", where(p + "none", 0), only=dirs)
    say("of one, no partition", "describe_log_dirs", where(t), only=dirs)
    say("of nothing", "describe_log_dirs", {"topics": []}, only=dirs)
    say("of one partition twice", "describe_log_dirs", where(t, 0, 0), only=dirs)
    say("to a directory that is none", "alter_replica_log_dirs",
        {"dirs": [{"path": "/no/such", "topics": [{"name": t, "partitions": [0]}]}]})
    say("to a path that is relative", "alter_replica_log_dirs",
        {"dirs": [{"path": "here", "topics": [{"name": t, "partitions": [0]}]}]})
    say("of no topic", "alter_replica_log_dirs",
        {"dirs": [{"path": "/no/such", "topics": [{"name": p + "none", "partitions": [0]}]}]})
    mine = ask(c, "describe_log_dirs", 4, where(t, 0))["results"][0]["log_dir"]
    say("to where it is", "alter_replica_log_dirs", {"dirs": [{"path": mine, "topics": [{"name": t, "partitions": [0]}]}]})
    say("of partition 7, to where it is", "alter_replica_log_dirs", {"dirs": [{"path": mine, "topics": [
        {"name": t, "partitions": [7]}]}]})
    say("of nothing", "alter_replica_log_dirs", {})

    def elect(name, *partitions, kind=0):
        return lambda v: {"topic_partitions": [{"topic": name, "partitions": list(partitions)}], "timeout_ms": 5000} | (
            {"election_type": kind} if v else {})
    say("of who leads", "elect_leaders", elect(t, 0, 1))
    say("unclean, of who leads", "elect_leaders", elect(t, 0, kind=1), [1, 2])
    say("of kind 2", "elect_leaders", elect(t, 0, kind=2), [1, 2])
    say("of partition 7", "elect_leaders", elect(t, 7))
    say("of no topic", "elect_leaders", elect(p + "none", 0))
    say("of no partition", "elect_leaders", elect(t))
    say("of one twice", "elect_leaders", elect(t, 0, 0))
    say("of nothing", "elect_leaders", {"topic_partitions": [], "timeout_ms": 5000})
    say("of all", "elect_leaders", {"topic_partitions": None, "timeout_ms": 5000},
        only=lambda got: [got.get("error_code"), [x for x in got["replica_election_results"] if x["partition_result"]]])

    def move(replicas, partition=0, name=t):
        return {"topics": [{"name": name, "partitions": [{"partition_index": partition, "replicas": replicas}]}], "timeout_ms": 5000}
    say("to where it is", "alter_partition_reassignments", move([1]))
    say("to a stranger", "alter_partition_reassignments", move([7]))
    say("to one twice", "alter_partition_reassignments", move([1, 1]))
    say("to nobody", "alter_partition_reassignments", move([]))
    say("to a negative one", "alter_partition_reassignments", move([-1]))
    say("cancelled", "alter_partition_reassignments", move(None))
    say("of partition 7", "alter_partition_reassignments", move([1], 7))
    say("of no topic", "alter_partition_reassignments", move([1], name=p + "none"))
    say("of nothing", "alter_partition_reassignments", {"timeout_ms": 5000})
    say("of all", "list_partition_reassignments", {"topics": None, "timeout_ms": 5000})
    say("of one", "list_partition_reassignments", {"topics": [{"name": t, "partition_indexes": [0, 7]}], "timeout_ms": 5000})
    say("of no topic", "list_partition_reassignments", {"topics": [{"name": p + "none", "partition_indexes": [0]}], "timeout_ms": 5000})
    say("", "describe_cluster", {})
    say("with operations", "describe_cluster", {"include_cluster_authorized_operations": True})
    for kind in (2, 0, 7):
        say(f"of endpoint type {kind}", "describe_cluster", lambda v: {"endpoint_type": kind}, [1, 2],
            only=lambda got: got["error_code"])
    say("with fenced ones", "describe_cluster", {"include_fenced_brokers": True}, [2])
    rule = {"resource_type": 2, "resource_name": "x", "principal": "User:a", "host": "*", "operation": 3, "permission_type": 3}
    say("of any", "describe_acls", {"resource_type_filter": 1, "operation": 1, "permission_type": 1})
    say("one", "create_acls", {"creations": [rule]})
    say("one of type 99", "create_acls", {"creations": [rule | {"resource_type": 99}]})
    say("two", "create_acls", {"creations": [rule, rule]})
    say("none", "create_acls", {})
    say("of any", "delete_acls", {"filters": [{"resource_type_filter": 1, "operation": 1, "permission_type": 1}]})
    say("of none", "delete_acls", {})
    for label, name, version in (("good", "a", "1.2"), ("an empty name", "", "1"), ("a space", "a b", "1"), ("a dash first", "-a", "1"),
                                 ("an empty version", "a", ""), ("a dash last", "a", "1-")):
        say(f"by {label}", "api_versions", {"client_software_name": name, "client_software_version": version}, [3, 4],
            only=lambda got: [got["error_code"], len(got["api_keys"]) > 0])


CASES = [list_offsets, leader_epochs, delete_records, metadata, create_topics, configs, operators]
