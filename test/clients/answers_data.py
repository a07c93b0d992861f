"""Cases of answers.py: records in and out, transactions of version 2, which versions there are."""
import kit
import raw
from asked import ask, c, clean, coordinated, filled, names, none, p, say, topic
from messages import APIS
from raw import batch, record

LATER = {"describe_client_quotas", "alter_client_quotas", "describe_user_scram_credentials", "alter_user_scram_credentials",
         "describe_quorum", "update_features"}  # in the tables, not advertised


def id_of(name):
    return ask(c, "metadata", 12, {"topics": [{"name": name}]})["topics"][0]["topic_id"]


def versions():
    """ApiVersions: each API that we have, from and to the versions of Kafka"""
    keys = {key: name for name, (key, _, _, _) in APIS.items() if name not in LATER}
    say("of ours", "api_versions", {"client_software_name": "a", "client_software_version": "1"}, [4], lambda got: [
        [keys[x["api_key"]], x["min_version"], x["max_version"]] for x in sorted(got["api_keys"], key=lambda x: x["api_key"])
        if x["api_key"] in keys])
    say("with transactions of version 2", "api_versions", {"client_software_name": "a", "client_software_version": "1"}, [3, 4],
        lambda got: [[x["name"], x["max_version_level"]] for x in got["finalized_features"] if x["name"] == "transaction.version"])


def produce():
    """Produce: names and ids, what is wrong with a batch and with its records, in the words of each version"""
    t, k = topic("put", 2), topic("put-compact", cleanup_policy="compact", max_message_bytes="500")
    stamped = topic("put-stamped", message_timestamp_type="LogAppendTime")
    ids = {t: id_of(t), k: id_of(k), stamped: id_of(stamped), p + "none": b"\1" * 16}

    def one(records, name=t, partition=0, acks=-1, txn=None):
        return lambda v: {"transactional_id": txn, "acks": acks, "timeout_ms": 5000, "topic_data": [
            ({"topic_id": ids[name]} if v >= 13 else {"name": name}) | {
                "partition_data": [{"index": partition, "records": records}]}]}

    def brief(got):
        return [[x["index"], x["error_code"], x["base_offset"] >= 0, x["log_append_time_ms"] > 0, x.get("log_start_offset"),
                 [e["batch_index"] for e in x.get("record_errors") or []]] for y in got["responses"] for x in y["partition_responses"]]
    both = [record(offset=0), record(offset=1, key=b"k"), record(offset=2)]
    for label, values in (
            ("of a batch", one(batch())), ("of partition 7", one(batch(), partition=7)), ("of partition -1", one(batch(), partition=-1)),
            ("of no topic", one(batch(), p + "none")), ("with acks 5", one(batch(), acks=5)), ("with a wrong checksum", one(batch(crc=1))),
            ("without keys, compacted", one(batch(both), k)), ("too large", one(batch([record(b"x" * 600, b"k")]), k)),
            ("of times to come", one(batch([record(), record(offset=1, ms=10 ** 15)]))), ("stamped", one(batch(), stamped)),
            ("of an old format", one(batch(magic=1))), ("of control records", one(batch(attributes=32))),
            ("of a transaction that is none", one(batch(producer=5, epoch=0, sequence=0, attributes=16))),
            ("of two batches", one(batch() + batch()))):
        say(label, "produce", values, only=brief)
    say("of nothing", "produce", {"acks": -1, "timeout_ms": 5000})
    say("of two partitions, one is none", "produce", lambda v: one(batch())(v) | {"topic_data": [
        ({"topic_id": ids[t]} if v >= 13 else {"name": t}) | {"partition_data": [
            {"index": 7, "records": batch()}, {"index": 1, "records": batch()}]}]}, only=lambda got: sorted(brief(got)))


def fetch():
    """Fetch: names and ids, offsets, epochs, transactions that are aborted"""
    t, x = filled("got", 3), p + "got-txn"
    coordinated(x, 1)
    error, pid, epoch = raw.init_producer(c, x)
    assert error == none and raw.add_partitions(c, x, pid, epoch, t) == none
    names[pid] = "its producer"
    assert raw.produce(c, t, batch(producer=pid, epoch=epoch, sequence=0, attributes=16), txn=x)[0] == none
    assert raw.end_txn(c, x, pid, epoch, False) == none
    kit.until(lambda: raw.fetch(c, t, 4, committed=True)[1] == 5)
    assert raw.add_partitions(c, x, pid, epoch, t) == none
    assert raw.produce(c, t, batch(producer=pid, epoch=epoch, sequence=1, attributes=16), txn=x)[0] == none  # and stays open
    ids = {t: id_of(t), p + "none": b"\1" * 16}

    def one(offset, name=t, partition=0, committed=0, believed=-1, last=-1):
        def make(v):
            at = {"partition": partition, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
            at |= {"current_leader_epoch": believed} if v >= 9 else {}
            at |= {"last_fetched_epoch": last} if v >= 12 else {}
            return {"max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1 << 20, "isolation_level": committed, "topics": [
                ({"topic_id": ids[name]} if v >= 13 else {"topic": name}) | {"partitions": [at]}]}
        return make

    def brief(got):
        return [got.get("error_code"), got.get("session_id"), [
            clean({k: x[k] for k in x if k not in ("records", "current_leader")} | {
                "aborted_transactions": x["aborted_transactions"] or [], "has records": bool(x["records"])})
            for y in got["responses"] for x in y["partitions"]]]
    for label, values in (("of 0", one(0)), ("of 1, committed", one(1, committed=1)), ("of 3, committed", one(3, committed=1)),
                          ("of the end", one(6)), ("beyond", one(7)), ("of -1", one(-1)), ("of partition 7", one(0, partition=7)),
                          ("of no topic", one(0, p + "none"))):
        say(label, "fetch", values, only=brief)
    for believed in (0, 1, -2):
        say(f"of epoch {believed}", "fetch", one(0, believed=believed), range(9, 19), brief)
    for last in (0, 1):
        say(f"behind epoch {last}", "fetch", one(1, last=last), range(12, 19), brief)
    say("of nothing", "fetch", {"max_wait_ms": 0, "min_bytes": 0})
    say("of a session that is none", "fetch", lambda v: one(0)(v) | {"session_id": 7, "session_epoch": 3}, range(7, 19), brief)
    say("of the last stable offset", "fetch", one(4, committed=1), [12], lambda got: [
        got["responses"][0]["partitions"][0][k] for k in ("high_watermark", "last_stable_offset", "log_start_offset")])
    assert raw.end_txn(c, x, pid, epoch, True) == none


def second():
    """transactions of version 2: partitions join by themselves, each end raises the epoch"""
    t, x, g = topic("second", 2), p + "second", p + "second-group"
    coordinated(x, 1)
    coordinated(g)
    got = {}

    def init():
        while True:
            out = ask(c, "init_producer_id", 5, {"transactional_id": x, "transaction_timeout_ms": 60000})
            if out["error_code"] not in (14, 15, 16, 51):
                return out["producer_id"], out["producer_epoch"]
    pid, epoch = init()
    names[pid] = "its producer"
    ident = id_of(t)

    def put(sequence, version=12, partition=0, epoch_=None):
        records = batch(producer=pid, epoch=epoch if epoch_ is None else epoch_, sequence=sequence, attributes=16)
        where = {"topic_id": ident} if version >= 13 else {"name": t}
        return {"transactional_id": x, "acks": -1, "timeout_ms": 5000, "topic_data": [
            where | {"partition_data": [{"index": partition, "records": records}]}]}

    def code(answer):
        return [z["error_code"] for y in answer["responses"] for z in y["partition_responses"]]

    def end(committed=True, epoch_=None):
        return {"transactional_id": x, "producer_id": pid, "producer_epoch": epoch if epoch_ is None else epoch_, "committed": committed}

    def ended(answer):
        got.update(answer)
        return [answer["error_code"], answer["producer_id"] == pid, answer["producer_epoch"] - epoch]

    def again(label, values, version=5):
        """EndTxn, when what it has to wait for is over."""
        kit.until(lambda: "Prepare" not in ask(c, "describe_transactions", 0, {"transactional_ids": [x]})[
            "transaction_states"][0]["transaction_state"])
        say(label, "end_txn", values, [version], ended if version == 5 else None)
    say("that joins", "produce", put(0), [12], code)
    say("that joins by id", "produce", put(0, 13, 1), [13], code)
    say("that joined", "describe_transactions", {"transactional_ids": [x]}, only=lambda got: [
        [s["transaction_state"], [[y["topic"], sorted(y["partitions"])] for y in s["topics"]]] for s in got["transaction_states"]])
    say("of the second version", "txn_offset_commit", {"transactional_id": x, "group_id": g, "producer_id": pid, "producer_epoch": epoch,
        "topics": [{"name": t, "partitions": [{"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]}, [5])
    again("of the second version", end())
    again("of the second version, again", end())
    before, epoch = epoch, got["producer_epoch"] if got.get("producer_epoch", -1) > epoch else epoch + 1
    say("of an epoch that has ended", "produce", put(1, epoch_=before), [12], code)
    say("of the next epoch", "produce", put(0), [12], code)
    again("of the second version, to abort", end(False))
    epoch += 1
    again("of nothing open, to abort", end(False))
    epoch = init()[1]
    again("of nothing open, to commit", end(True))
    say("of an old epoch", "end_txn", end(True, 0), [5], lambda answer: answer["error_code"])

    def verify(v, only=True, epoch_=None, name=t, partition=0):
        return {"transactions": [{"transactional_id": x, "producer_id": pid, "producer_epoch": epoch if epoch_ is None else epoch_,
                                  "verify_only": only, "topics": [{"name": name, "partitions": [partition]}]}]}
    say("to verify what is not there", "add_partitions_to_txn", lambda v: verify(v), [4, 5])
    say("of two transactions at once", "add_partitions_to_txn", lambda v: verify(v, False), [4, 5])
    say("to verify what is there", "add_partitions_to_txn", lambda v: verify(v), [4, 5])
    say("to verify with an old epoch", "add_partitions_to_txn", lambda v: verify(v, epoch_=0), [4, 5])
    say("of no partition, by a broker", "add_partitions_to_txn", lambda v: verify(v, False, partition=9), [4, 5])
    again("at the end", end(False))


CASES = [versions, produce, fetch, second]
