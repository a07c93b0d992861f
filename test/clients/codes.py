"""Well-formed requests that a broker has to refuse, and with which code: codes.py HOST:PORT. The codes are Kafka's; peer.sh asks
Kafka itself."""
import os
import sys

import kit
import raw
from raw import Conn, array, batch, blob, i8, i16, i32, i64, record, text

at = sys.argv[1]
c = Conn(at)
t = f"codes-{os.getpid()}"
assert raw.create(c, t, partitions=1) == 0
kit.until(lambda: raw.high(c, t) == 0)


def same(wanted, got):
    assert wanted == got, f"wanted {wanted}, got {got}"


def produced():
    """produce: an unknown partition 3, acks 21, crc 2, counts 87; sequences 45, repeated ones as before"""
    same(3, raw.produce(c, t, batch(), partition=9)[0])
    same(21, raw.produce(c, t, batch(), acks=2)[0])
    same(2, raw.produce(c, t, batch(crc=1))[0])
    same(87, raw.produce(c, t, batch(count=2))[0])
    error, pid, epoch = raw.init_producer(c)
    same((0, 0), (error, epoch))
    same((0, 0), raw.produce(c, t, batch(producer=pid, epoch=0, sequence=0)))
    same((0, 1), raw.produce(c, t, batch(producer=pid, epoch=0, sequence=1)))
    same((0, 0), raw.produce(c, t, batch(producer=pid, epoch=0, sequence=0)))
    same((0, 1), raw.produce(c, t, batch(producer=pid, epoch=0, sequence=1)))
    same(45, raw.produce(c, t, batch(producer=pid, epoch=0, sequence=7))[0])
    same(2, raw.high(c, t))


def fetched():
    """fetch: unknown partition 3, offsets outside 1, an unknown session 70, an epoch without one 71"""
    same(3, raw.fetch(c, t, 0, partition=9)[0])
    same(1, raw.fetch(c, t, 99)[0])
    same(1, raw.fetch(c, t, -1)[0])
    same(70, raw.fetch(c, t, 0, session=77, epoch=3)[0])


def epochs():
    """leader epochs: of the future 75, in list offsets too"""
    r = c.ask(2, 4, i32(-1) + i8(0) + array([text(t) + array([i32(0) + i32(9) + i64(-1)])]))
    r.i32(), r.i32(), r.text(), r.i32(), r.i32()
    same(75, r.i16())
    r = c.ask(23, 3, i32(-1) + array([text(t) + array([i32(0) + i32(9) + i32(0)])]))
    r.i32(), r.i32(), r.text(), r.i32()
    same(75, r.i16())


def join(group, member="", session=10000, kind="consumer", protocols=((b"range", b""),), version=5):
    body = text(group) + i32(session) + i32(session) + text(member) + text(None) + text(kind)
    r = c.ask(11, version, body + array([text(n) + blob(m) for n, m in protocols]))
    r.i32()
    return r.i16(), (r.i32(), r.text(), r.text(), r.text())[3]


def groups():
    """groups: sessions 26, names 24, members 25, 79, generations 22, kinds 23"""
    g = t + "-group"
    for name in (g, g + "-2", g + "-3"):  # Kafka loads a coordinator when it is first asked for
        raw.coordinator(c, name, 0)
        kit.until(lambda: join(name, member="nobody")[0] not in (14, 15, 16))
    same(26, join(g, session=1)[0])
    same(24, join("")[0])
    same(25, join(g, member="nobody")[0])
    error, member = join(g)
    same(79, error)
    same(23, join(g, member=member.decode(), protocols=())[0])
    same(0, join(g, member=member.decode())[0])
    body = text(g) + i32(1) + text(member) + text(None)
    r = c.ask(14, 3, body + array([text(member) + blob(b"x")]))
    same(0, (r.i32(), r.i16())[1])
    same(23, join(g, kind="other")[0])
    same(23, join(g, protocols=((b"strange", b""),))[0])

    def beat(generation, who):
        r = c.ask(12, 3, text(g) + i32(generation) + text(who) + text(None))
        return (r.i32(), r.i16())[1]
    same(0, beat(1, member))
    same(22, beat(9, member))
    same(25, beat(1, "nobody"))

    def commit(group, generation, who, note=""):
        one = i32(0) + i64(1) + i32(-1) + text(note)
        r = c.ask(8, 7, text(group) + i32(generation) + text(who) + text(None) + array([text(t) + array([one])]))
        r.i32(), r.i32(), r.text(), r.i32(), r.i32()
        return r.i16()
    same(0, commit(g, 1, member))
    same(22, commit(g, 9, member))
    same(25, commit(g, 1, "nobody"))
    same(25, commit(g, -1, ""))
    same(12, commit(g, 1, member, "x" * 5000))
    same(0, commit(g + "-2", -1, ""))
    same(22, commit(g + "-3", 5, "nobody"))
    r = c.ask(42, 1, array([text(g)]))
    r.i32(), r.i32(), r.text()
    same(68, r.i16())
    r = c.ask(13, 1, text(g) + text(member))
    same(0, (r.i32(), r.i16())[1])
    r = c.ask(13, 1, text(g) + text(member))
    same(25, (r.i32(), r.i16())[1])


def transactions():
    """transactions: timeouts 50, an empty id 42, ids 49, epochs 47, nothing open 48, unknown partitions 3, records without 48"""
    x = t + "-txn"
    same(50, raw.init_producer(c, x, timeout=2000000000)[0])
    same(42, c_init("")[0])
    error, pid, epoch = raw.init_producer(c, x)
    same(0, error)
    same(49, raw.add_partitions(c, x, pid + 1000, epoch, t))
    same(47, raw.add_partitions(c, x, pid, epoch + 1, t))
    same(3, raw.add_partitions(c, x, pid, epoch, t, partition=9))
    same(48, raw.end_txn(c, x, pid, epoch, True))
    same(49, raw.end_txn(c, x + "-none", pid, epoch, True))
    records = batch(producer=pid, epoch=epoch, sequence=0, attributes=16)
    same(48, raw.produce(c, t, records, txn=x)[0])
    same(0, raw.add_partitions(c, x, pid, epoch, t))
    same(0, raw.produce(c, t, records, txn=x)[0])
    same(48, raw.produce(c, t, batch(producer=pid, epoch=epoch, sequence=1))[0])
    same(0, raw.end_txn(c, x, pid, epoch, True))
    error, again, newer = raw.init_producer(c, x)
    same((0, pid, True), (error, again, newer > epoch))
    same(47, raw.produce(c, t, batch(producer=pid, epoch=epoch, sequence=1, attributes=16), txn=x)[0])
    same(47, raw.add_partitions(c, x, pid, epoch, t))


def c_init(txn):
    r = c.ask(22, 1, text(txn) + i32(60000))
    r.i32()
    return r.i16(), r.i64()


kit.run("codes", [produced, fetched, epochs, groups, transactions])
