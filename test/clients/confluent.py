"""confluent-kafka (librdkafka) against a broker: confluent.py HOST:PORT."""
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import kit

at = sys.argv[1]
base = {"bootstrap.servers": at, "broker.address.family": "v4"}
admin = AdminClient(base)


def wait(futures):
    return {k: f.result(15) for k, f in futures.items()}


def produce(topic, records, **config):
    errors = []
    p = Producer({**base, "linger.ms": 5, "acks": "all", **config})
    for r in records:
        p.produce(topic, on_delivery=lambda e, m: errors.append(e) if e else None, **r)
    left = p.flush(20)
    assert left == 0 and not errors, (left, errors[:3])


def consume(topic, partition, offset, count, **config):
    c = Consumer({**base, "group.id": "none", "enable.auto.commit": False, **config})
    c.assign([TopicPartition(topic, partition, offset)])
    got = []

    def more():
        m = c.poll(0.5)
        if m is not None and not m.error():
            got.append(m)
        return len(got) >= count

    kit.until(more)
    c.close()
    return got


def create():
    """topics are created with partitions and configurations"""
    wait(admin.create_topics([NewTopic("ck", 3, 1, config={"retention.ms": "100000"}), NewTopic("ck3", 1, 1)]))

    def partitions(topic):
        topics = admin.list_topics(timeout=10).topics
        return len(topics[topic].partitions) if topic in topics else 0
    kit.soon(lambda: partitions("ck") == 3 and partitions("ck3") == 1)


def create_again():
    """a topic that is there is an error of its own"""
    try:
        wait(admin.create_topics([NewTopic("ck", 1, 1)]))
    except KafkaException as e:
        assert e.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
    else:
        raise AssertionError("created twice")


def configs():
    """configurations are told, changed, and told again"""
    def get():
        return wait(admin.describe_configs([ConfigResource("topic", "ck")]))[ConfigResource("topic", "ck")]
    assert get()["retention.ms"].value == "100000" and len(get()) > 25
    wait(admin.alter_configs([ConfigResource("topic", "ck", set_config={"max.message.bytes": "100000"})]))
    kit.soon(lambda: get()["max.message.bytes"].value == "100000")
    assert get()["retention.ms"].value == "604800000"
    broker = ConfigResource("broker", "1")
    assert wait(admin.describe_configs([broker]))[broker]["num.partitions"].value == "4"


def grow():
    """partitions are added"""
    wait(admin.create_partitions([NewPartitions("ck3", 2)]))
    kit.soon(lambda: len(admin.list_topics("ck3", timeout=10).topics["ck3"].partitions) == 2)


def records():
    """keys, values, nulls, headers and timestamps come back as they were sent"""
    sent = [
        dict(key=b"k", value=b"v", headers=[("h", b"1"), ("n", None), ("h", b"2")], timestamp=1700000000123),
        dict(key=None, value=b"", timestamp=1700000000124),
        dict(key=b"", value=None, timestamp=1700000000125),
    ]
    produce("rec", [dict(partition=0, **s) for s in sent])
    got = consume("rec", 0, 0, 3)
    assert [(m.key(), m.value(), m.timestamp()[1]) for m in got] == [
        (s["key"], s["value"], s["timestamp"]) for s in sent], got
    assert got[0].headers() == sent[0]["headers"]
    assert [m.offset() for m in got] == [0, 1, 2]


def codecs():
    """all four codecs, and none"""
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        produce("codec", [dict(value=f"{codec}-{i}" * 20, partition=0) for i in range(50)], **{"compression.codec": codec})
    got = consume("codec", 0, 0, 250)
    assert [m.value().decode() for m in got[-2:]] == ["zstd-48" * 20, "zstd-49" * 20]


def volume():
    """many records through several connections, each once and in order"""
    n = 20000
    produce("vol", [dict(value=str(i), partition=0) for i in range(n)], **{"linger.ms": 2})
    got = consume("vol", 0, 0, n)
    assert [int(m.value()) for m in got] == list(range(n))


def watermarks():
    """watermarks, offsets for times, the end of a partition"""
    c = Consumer({**base, "group.id": "none", "enable.partition.eof": True, "enable.auto.commit": False})
    assert c.get_watermark_offsets(TopicPartition("rec", 0), timeout=10) == (0, 3)
    found = c.offsets_for_times([TopicPartition("rec", 0, 1700000000124)], timeout=10)
    assert found[0].offset == 1
    c.assign([TopicPartition("rec", 0, 3)])
    m = kit.until(lambda: c.poll(0.5))
    assert m.error().code() == KafkaError._PARTITION_EOF
    c.close()


def reset():
    """an offset that is not there: the reader begins where it was told to"""
    got = consume("rec", 0, 4711, 3, **{"auto.offset.reset": "earliest"})
    assert [m.offset() for m in got] == [0, 1, 2]


def acks():
    """acks 0 and 1"""
    for acks in (0, 1):
        produce("acks", [dict(value=f"{acks}-{i}", partition=0) for i in range(20)], acks=acks)
    assert len(consume("acks", 0, 0, 40)) == 40


def remove():
    """topics are deleted, and made anew with another id and from offset 0"""
    wait(admin.delete_topics(["rec"]))
    kit.soon(lambda: "rec" not in admin.list_topics(timeout=10).topics)
    produce("rec", [dict(value=b"again", partition=0)])
    assert consume("rec", 0, 0, 1)[0].value() == b"again"


def deletion_of_none():
    """deleting what is not there is an error of its own"""
    try:
        wait(admin.delete_topics(["never"]))
    except KafkaException as e:
        assert e.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    else:
        raise AssertionError("deleted")


def group():
    """a group of two shares partitions, commits, and goes on where it was"""
    n = 90
    wait(admin.create_topics([NewTopic("grp", 3, 1)]))
    produce("grp", [dict(value=str(i), partition=i % 3) for i in range(n)], **{"enable.idempotence": True})
    conf = {**base, "group.id": "readers", "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    a, b = Consumer(conf), Consumer(conf)
    a.subscribe(["grp"])
    b.subscribe(["grp"])
    got = []

    def both():
        for c in (a, b):
            m = c.poll(0.1)
            if m is not None and not m.error():
                got.append(int(m.value()))
        return a.assignment() and b.assignment() and len(set(got)) == n

    kit.until(both, 30)
    assert sorted(len(c.assignment()) for c in (a, b)) == [1, 2]
    a.commit(asynchronous=False)
    b.commit(asynchronous=False)
    a.close()
    b.close()
    c = Consumer(conf)
    done = c.committed([TopicPartition("grp", i) for i in range(3)], timeout=10)
    assert [t.offset for t in done] == [30, 30, 30], done
    produce("grp", [dict(value=b"more", partition=1)])
    c.subscribe(["grp"])
    m = kit.until(lambda: c.poll(0.5), 30)
    assert m.value() == b"more" and m.offset() == 30, (m.value(), m.offset(), m.error())
    c.close()


def static_members():
    """a static member comes back without a rebalance of the others"""
    conf = {**base, "group.id": "static", "auto.offset.reset": "earliest", "session.timeout.ms": 30000}
    revoked = []
    a = Consumer({**conf, "group.instance.id": "a"})
    a.subscribe(["grp"], on_revoke=lambda c, p: revoked.append(p))
    b = Consumer({**conf, "group.instance.id": "b"})
    b.subscribe(["grp"])
    kit.until(lambda: (a.poll(0.1), b.poll(0.1)) and len(a.assignment()) + len(b.assignment()) == 3
              and a.assignment() and b.assignment(), 30)
    before, revoked[:] = b.assignment(), []
    b.close()
    b = Consumer({**conf, "group.instance.id": "b"})
    b.subscribe(["grp"])
    kit.until(lambda: (a.poll(0.1), b.poll(0.1)) and b.assignment(), 30)
    assert b.assignment() == before and not revoked, (before, b.assignment(), revoked)
    a.close()
    b.close()


def groups_listed():
    """groups are listed with their states and members"""
    groups = {g.id: g for g in admin.list_groups(timeout=10)}
    assert groups["readers"].protocol_type == "consumer" and groups["readers"].state == "Empty", groups["readers"].state


def read(topic, isolation):
    c = Consumer({**base, "group.id": "none", "isolation.level": isolation, "enable.partition.eof": True,
                  "enable.auto.commit": False})
    c.assign([TopicPartition(topic, 0, 0)])
    got = []
    while True:
        m = kit.until(lambda: c.poll(0.5))
        if m.error():
            assert m.error().code() == KafkaError._PARTITION_EOF, m.error()
            break
        got.append(m.value().decode())
    c.close()
    return got


def transactions():
    """committed records are read, aborted ones only by who reads uncommitted"""
    p = Producer({**base, "transactional.id": "tx"})
    p.init_transactions(15)
    for n in range(4):
        p.begin_transaction()
        for i in range(5):
            p.produce("txn", f"{n}-{i}", partition=0)
        p.flush(10)
        if n == 3:
            assert read("txn", "read_committed") == [f"{k}-{i}" for k in (0, 2) for i in range(5)]
        (p.abort_transaction if n % 2 else p.commit_transaction)(15)
    assert read("txn", "read_committed") == [f"{k}-{i}" for k in (0, 2) for i in range(5)]
    assert len(read("txn", "read_uncommitted")) == 20


def fenced():
    """a second producer of the same transactional id fences the first"""
    a, b = (Producer({**base, "transactional.id": "fence"}) for _ in range(2))
    a.init_transactions(15)
    a.begin_transaction()
    a.produce("txn2", b"old", partition=0)
    a.flush(10)
    b.init_transactions(15)
    b.begin_transaction()
    b.produce("txn2", b"new", partition=0)
    b.commit_transaction(15)
    try:
        a.commit_transaction(15)
    except KafkaException as e:
        assert e.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH), e
    else:
        raise AssertionError("both committed")
    assert read("txn2", "read_committed") == ["new"]


def offsets_in_transactions():
    """offsets take effect with their transaction"""
    p = Producer({**base, "transactional.id": "offsets"})
    p.init_transactions(15)
    c = Consumer({**base, "group.id": "in-txn", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    c.subscribe(["grp"])
    kit.until(lambda: c.poll(0.1) and c.assignment(), 30)
    at = TopicPartition("grp", 0)
    for offset, commit in ((3, True), (9, False)):
        p.begin_transaction()
        p.produce("txn3", b"x", partition=0)
        p.send_offsets_to_transaction([TopicPartition("grp", 0, offset)], c.consumer_group_metadata(), 15)
        (p.commit_transaction if commit else p.abort_transaction)(15)
        assert c.committed([at], timeout=10)[0].offset == 3
    c.close()


kit.run("confluent-kafka", [create, create_again, configs, grow, records, codecs, volume, watermarks, reset, acks, remove,
                            deletion_of_none, group, static_members, groups_listed, transactions, fenced,
                            offsets_in_transactions])
