"""kafka-python against a broker: kafkapy.py HOST:PORT."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import MessageSizeTooLargeError, TopicAlreadyExistsError

import kit

at = sys.argv[1]
admin = KafkaAdminClient(bootstrap_servers=at)
tp = TopicPartition("kp", 0)


def consumer(**config):
    c = KafkaConsumer(bootstrap_servers=at, consumer_timeout_ms=1500, enable_auto_commit=False,
                      auto_offset_reset="earliest", **config)
    c.assign([tp])
    c.seek_to_beginning(tp)
    return c


def create():
    """topics are created, listed, described, grown"""
    admin.create_topics([NewTopic("kp", 1, 1)])
    kit.soon(lambda: "kp" in admin.list_topics())
    try:
        admin.create_topics([NewTopic("kp", 1, 1)])
    except TopicAlreadyExistsError:
        pass
    else:
        raise AssertionError("created twice")
    admin.create_partitions({"kp": NewPartitions(2)})
    kit.soon(lambda: len(admin.describe_topics(["kp"])[0]["partitions"]) == 2)


def cluster():
    """the cluster is described"""
    c = admin.describe_cluster()
    assert c["controller_id"] == 1 and len(c["brokers"]) == 1 and len(c["cluster_id"]) == 22


def configs():
    """configurations are told and changed"""
    r = ConfigResource(ConfigResourceType.TOPIC, "kp", {"max.message.bytes": "20000"})
    admin.alter_configs([r])

    def told():
        entries = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "kp")])[0].resources[0][4]
        return {e[0]: e[1] for e in entries}
    kit.soon(lambda: told()["max.message.bytes"] == "20000")
    assert len(told()) > 25


def records():
    """codecs, headers, timestamps"""
    n = 0
    for codec in (None, "gzip", "lz4", "snappy", "zstd"):
        p = KafkaProducer(bootstrap_servers=at, compression_type=codec, acks="all")
        for i in range(10):
            m = p.send("kp", b"%d" % i * 30, key=b"k", partition=0, headers=[("a", b"b")], timestamp_ms=1700000000000 + n)
            assert m.get(10).offset == n
            n += 1
        p.close()
    got = list(consumer())
    assert len(got) == n and got[7].headers == [("a", b"b")] and got[7].timestamp == 1700000000007
    assert got[49].value == b"9" * 30 and got[49].key == b"k"


def too_large():
    """a batch beyond max.message.bytes is refused by its own error"""
    p = KafkaProducer(bootstrap_servers=at)
    try:
        p.send("kp", b"x" * 30000, partition=0).get(10)
    except MessageSizeTooLargeError:
        pass
    else:
        raise AssertionError("taken")
    p.close()


def offsets():
    """beginning, end, offsets for times"""
    c = consumer()
    assert c.beginning_offsets([tp]) == {tp: 0} and c.end_offsets([tp]) == {tp: 50}
    assert c.offsets_for_times({tp: 1700000000005})[tp].offset == 5
    assert c.offsets_for_times({tp: 1800000000000})[tp] is None


def group():
    """a group reads, commits, is listed, described and deleted"""
    def reader():
        return KafkaConsumer("kp", bootstrap_servers=at, group_id="kg", auto_offset_reset="earliest",
                             enable_auto_commit=False, consumer_timeout_ms=3000, session_timeout_ms=6000)
    c = reader()
    got = []
    while len(got) < 50:
        got.append(next(c))
    described = admin.describe_consumer_groups(["kg"])[0]
    assert described.state == "Stable" and len(described.members) == 1, described
    assert ("kg", "consumer") in admin.list_consumer_groups()
    c.commit()
    c.close()
    offsets = admin.list_consumer_group_offsets("kg")
    assert offsets[tp].offset == 50, offsets
    c = reader()
    assert list(c) == []
    c.close()
    assert admin.delete_consumer_groups(["kg"])[0][1].errno == 0
    assert ("kg", "consumer") not in admin.list_consumer_groups()


def remove():
    """topics are deleted"""
    admin.delete_topics(["kp"])
    kit.soon(lambda: "kp" not in admin.list_topics())


kit.run("kafka-python", [create, cluster, configs, records, too_large, offsets, group, remove])
