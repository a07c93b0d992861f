"""The catalogue of bad requests, K1 to K17 (README.md tells the rest of each): faults.py HOST:PORT [MESSAGES PID].

MESSAGES is the file of the server's messages, PID its process: with them it is looked at what it says of a peer, and that
it allocates nothing for one. Without them it is Kafka itself; what it does otherwise stands beside each case, as `kafka=`."""
import contextlib
import gzip
import os
import random
import struct
import sys
import time

import kit
import raw
from raw import Closed, Conn, array, batch, i8, i16, i32, i64, record, text, varint

at = sys.argv[1]
messages, pid = (sys.argv[2], sys.argv[3]) if len(sys.argv) > 3 else (None, None)
topic_number = 0
none = 0


def fresh(**more):
    """A connection, and a topic of its own."""
    global topic_number
    topic_number += 1
    c = Conn(at)
    name = f"faults-{os.getpid()}-{topic_number}"
    assert raw.create(c, name, **more) == none
    kit.until(lambda: raw.high(c, name) == 0)
    return c, name


def resident():
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


@contextlib.contextmanager
def small(limit=24 << 20):
    """What happens inside costs the server no more memory than so much."""
    before = resident() if pid else 0
    yield
    if pid:
        grown = resident() - before
        assert grown < limit, f"{grown} bytes more"


def said(pattern):
    if messages:
        kit.until(lambda: pattern in open(messages, errors="replace").read(), 5)


def must_close(data, connection=None, kafka="closed"):
    """The bytes end their connection, and that one only. `kafka`: closed, answered, silent."""
    other = Conn(at)
    c = connection or Conn(at)
    wanted = "closed" if messages else kafka
    if wanted == "silent":
        c.sock.settimeout(1)
    try:
        c.raw(data)
        got = "answered" if c.sock.recv(65536) else "closed"
    except (Closed, ConnectionResetError):
        got = "closed"
    except TimeoutError:
        got = "silent"
    assert got == wanted, f"{got}, wanted {wanted}"
    c.close()
    other.ask(18, 0)
    other.close()


def same(ours, got, kafka=None):
    wanted = ours if messages or kafka is None else kafka
    assert got == wanted, f"{got}, wanted {wanted}"


# ---- K1 to K6: frames and fields ----

def k1_lengths():
    """K1 lengths 0, 1, negative, too large: closed, named, nothing allocated; one that comes byte by byte is waited for"""
    with small():
        for n in (0, 1, -1, -2 ** 31, 2 ** 31 - 1, raw.MAX_FRAME * 2):
            must_close(i32(n) + b"\0" * 16)
    said("connection closed")
    c = Conn(at)
    body = c.header(18, 0)
    for b in i32(len(body)):
        c.raw(bytes([b]))
        time.sleep(0.02)
    c.raw(body)
    assert c.answer().i16() == none


def k2_strangers():
    """K2 HTTP, TLS, Redis, noise: closed, with a hint where the stranger is known"""
    must_close(bytes([255]) + random.Random(1).randbytes(4000))
    for what, data in (("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("Redis", b"*1\r\n$4\r\nPING\r\n"),
                       ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600)):
        must_close(data)
        end = time.monotonic() + 20  # many such lines in a short time are counted, not said
        while messages and f"look like {what}" not in open(messages, errors="replace").read():
            assert time.monotonic() < end, f"no hint for {what}"
            time.sleep(0.3)
            must_close(data)


def k3_versions():
    """K3 unknown keys and versions: closed; of ApiVersions alone answered, in version 0"""
    for key, version in ((999, 0), (-1, 0), (32767, 0), (0, -1), (0, 99), (1, 99), (3, -1), (3, 99), (19, 99)):
        c = Conn(at)
        must_close(i32(len(c.header(key, version)) + 64) + c.header(key, version) + b"\0" * 64, c)
    for version in (-1, 5000, 32767):
        c = Conn(at)
        r = c.ask(18, version, b"\0" if version > 2 else b"")  # the flexible header's tags: none
        assert r.i16() == 35
        assert 6 * r.i32() == len(r.data) - r.at


def requests_to_cut(name):
    group = text("g") + i32(10000) + i32(10000) + text("") + text("consumer") + array([text("range") + raw.blob(b"m")])
    return [(3, 1, array([text(name)])), (0, 7, raw.produce_body(name, batch())), (1, 11, raw.fetch_body(name, 0)),
            (2, 1, i32(-1) + array([text(name) + array([i32(0) + i64(-1)])])),
            (19, 4, array([text(name + "-cut") + i32(1) + i16(1) + array([]) + array([])]) + i32(1000) + i8(0)),
            (8, 2, text("g") + i32(-1) + text("") + i64(-1) + array([text(name) + array([i32(0) + i64(1) + text("")])])),
            (11, 4, group), (22, 1, text(None) + i32(1000)),
            (24, 1, text("cut") + i64(1) + i16(0) + array([text(name) + array([i32(0)])])),
            (26, 1, text("cut") + i64(1) + i16(0) + i8(1)), (20, 3, array([text(name)]) + i32(1000))]


def k4_truncated():
    """K4 requests cut at every byte: the end, and no partial effect"""
    c, name = fresh()
    for key, version, body in requests_to_cut(name):
        for n in range(len(body)):
            p = Conn(at)
            with contextlib.suppress(Closed):
                p.frame(p.header(key, version) + body[:n])
                p.answer()
                raise AssertionError(f"{key} cut at {n} of {len(body)} is answered")
            p.close()
    assert raw.high(c, name) == 0
    assert name.encode() in raw.names(c) and f"{name}-cut".encode() not in raw.names(c)


def k4_clients():
    """K4 client ids: null, empty, 32 KiB, no UTF-8: answered"""
    for client in (None, b"", b"x" * 32767, b"\xff\xfe\x80", b"\0"):
        assert Conn(at).ask(18, 0, client=client).i16() == none


def k5_lengths_inside():
    """K5 strings, arrays, bytes with lengths -1, -2, beyond the rest, 2^31-1; compact lengths 0, overlong, of six bytes"""
    c, name = fresh()
    with small():
        for n in (-1, -2, 100, 32767, -32768):
            must_close(*framed(19, 4, i32(1) + i16(n) + b"abc"))
        for n in (-2, 1000, 2 ** 31 - 1, 2 ** 24):
            negative = n < 0  # Kafka takes it for null; where that cannot be it closes, and of Produce it says nothing
            must_close(*framed(3, 1, i32(n) + b"\0" * 8), kafka="answered" if negative else "closed")
            must_close(*framed(19, 4, i32(n) + b"\0" * 8))
            must_close(*framed(0, 7, text(None) + i16(-1) + i32(100) + i32(1) + text(name) + i32(1) + i32(0) + i32(n)),
                       kafka="silent" if negative else "closed")
        must_close(*framed(3, 9, b"\xff\xff\xff\xff\x7f" + b"\0" * 8, flexible=True), kafka="answered")  # 35 bits
        for n in (b"\xff\xff\xff\xff\xff\x01", b"\x80\x80\x80\x80\x80\x80\x00", b"\xff"):
            must_close(*framed(3, 9, n + b"\0" * 8, flexible=True))
        must_close(*framed(19, 5, b"\x02\x00" + b"\0" * 16, flexible=True))  # a name that is null
    assert raw.high(c, name) == 0


def framed(key, version, body, flexible=False):
    c = Conn(at)
    head = c.header(key, version, flexible=flexible)
    return i32(len(head) + len(body)) + head + body, c


def k6_tags():
    """K6 tagged fields: unknown ones are passed over; longer than the rest, out of order, twice, a million: closed"""
    def metadata(tags):
        return b"\0\0\0\0" + tags  # null topics; no creation, no operations (cut to version 9's three booleans)

    for tags in (b"\0", b"\x01\x50\x03abc", b"\x02\x50\x00\x51\x00"):
        data, c = framed(3, 9, metadata(tags), flexible=True)
        c.raw(data)
        c.answer()
    for tags, kafka in ((b"\x01\x50\x7fabc", "closed"), (raw.uvarint(1000000), "closed"), (b"\xff\xff\xff\xff\xff\xff", "closed"),
                        (b"\x02\x51\x00\x50\x00", "answered"), (b"\x02\x50\x00\x50\x00", "answered")):  # order, twice: not looked at
        must_close(*framed(3, 9, metadata(tags), flexible=True), kafka=kafka)


# ---- K7 to K9: records ----

taken = "taken"


def rejected(name_and_connection, batches, code, kafka=None):
    """Produce answers with the code, and nothing was appended. `kafka`: its code, or that it takes them."""
    c, name = name_and_connection
    before = raw.high(c, name)
    error, _ = raw.produce(c, name, batches)
    grown = raw.high(c, name) - before
    same(code, error, none if kafka is taken else kafka)
    if messages or kafka is not taken:
        assert grown == 0, "it was appended"
    else:
        assert grown > 0, "it was not appended"


def k7_batches():
    """K7 batches: checksum, magic, length, count, deltas, base offset, reserved bits, control, empty, two of them"""
    t = fresh()
    good = batch()
    assert raw.produce(*t, good) == (none, 0)
    rejected(t, batch(crc=1), 2)
    for magic, code in ((0, 87), (1, 87), (3, 2), (-1, 2)):
        rejected(t, batch(magic=magic), code)
    for length in (0, -1, 10, 48, len(good) - 13):
        rejected(t, batch(length=length), 2)
    rejected(t, batch(length=len(good)), 87)
    rejected(t, batch(length=2 ** 31 - 1), 87, kafka=-1)
    for count in (0, 2, -1, 2 ** 31 - 1):
        rejected(t, batch(count=count), 87)
    for delta in (1, -1, 2 ** 31 - 1):
        rejected(t, batch(last_delta=delta), 87)
    for offset in (1, -1):
        rejected(t, batch([record(offset=offset)]), 87, kafka=taken)  # as it is: readers get offsets that are another's
    for offsets in ((0, 0), (1, 0)):
        rejected(t, batch([record(offset=i) for i in offsets]), 87, kafka=taken)
    rejected(t, batch([record(), record(offset=1)], count=1, last_delta=0), 87)
    rejected(t, batch([record(), b"abc"], count=1, last_delta=0), 87)
    rejected(t, batch(attributes=32), 87)
    for attributes in (16, 48):  # of a transaction, without its id
        rejected(t, batch(attributes=attributes), 53)
    for more in ({"producer": 5}, {"producer": 5, "epoch": 0}, {"producer": 5, "epoch": 0, "sequence": -2}):
        rejected(t, batch(**more), 87)
    rejected(t, b"", 87)
    for delta in (0, -1):
        rejected(t, batch([], last_delta=delta), 87)
    rejected(t, good + good, 87)
    for cut in (1, 11, 60, len(good) - 1):
        rejected(t, good[:cut], 87)
    for base in (77, -1):
        rejected(t, batch(base_offset=base), 87)
    for n in (12, 17, 61):
        rejected(t, good + b"\0" * n, 2)  # the head of another one, and none
    before = raw.high(*t)
    for tail in (b"\0", b"\0" * 8, good[:-1]):  # what follows a batch and is none is cut off, as Kafka does
        assert raw.produce(*t, good + tail)[0] == none
    assert raw.high(*t) == before + 3
    assert len(raw.fetch(*t, before)[2]) == 3 * len(good)


def k8_records():
    """K8 records: lengths, headers, deltas and timestamps that cannot be"""
    t = fresh()
    good = len(record()) - 1
    for r, plain, packed in (
            # Kafka passes over the records of a packed batch without a look at their lengths
            (record(length=varint(-1)), None, taken), (record(length=varint(1000)), None, taken), (record(length=varint(0)), None, taken),
            (record(length=varint(3)), None, taken), (record(length=varint(good + 1)), None, taken),
            (record(length=b"\xff" * 6), -1, None),
            (record(key_len=varint(-2)), taken, taken), (record(key_len=varint(100)), None, None),
            (record(value_len=varint(2 ** 31 - 1)), None, None), (record(value_len=varint(-5)), None, None),
            (record(headers_n=varint(-1)), None, None), (record(headers_n=varint(2 ** 31 - 1)), None, None),
            (record(headers_n=varint(1)), None, None), (record(headers=[(None, b"v")]), None, None),
            (record(offset=2 ** 31), taken, taken), (record(headers_n=b"\xff" * 12), None, None),
            (varint(13) + i8(0) + b"\xff" * 11, None, None)):
        rejected(t, batch([r]), 87, kafka=plain)
        rejected(t, batch([r], gzip.compress(r), attributes=1), 87, kafka=packed)
    rejected(t, batch([record(ms=2 ** 62)]), 32)
    rejected(t, batch(base_ms=int(time.time() * 1000) + 10 ** 12), 32)
    before = raw.high(*t)
    for ms in (-1, 0, -1000):  # not known, long ago, before 1970: Kafka takes them
        assert raw.produce(*t, batch(base_ms=ms))[0] == none
    for wrong in (5, -1, 10 ** 15):  # the producer's greatest timestamp is not looked at
        assert raw.produce(*t, batch(max_ms=wrong))[0] == none
    for r in (record(attributes=1), record(ms=-5)):
        assert raw.produce(*t, batch([r]))[0] == none
    assert raw.high(*t) == before + 8


def k9_codecs():
    """K9 codecs: unknown, wrongly named, cut, bombs: refused at once, in little memory"""
    t = fresh()
    plain = record()
    packed = gzip.compress(plain, mtime=0)
    assert raw.produce(*t, batch([plain], packed, attributes=1)) == (none, 0)
    # Where Kafka's decoder throws it says UNKNOWN_SERVER_ERROR.
    for codec in (5, 6, 7):
        rejected(t, batch([plain], packed, attributes=codec), 76, kafka=-1)
    for codec in (2, 3, 4):
        rejected(t, batch([plain], packed, attributes=codec), 87, kafka=-1)
    for codec in (1, 2, 3, 4):
        rejected(t, batch([plain], attributes=codec), 87, kafka=-1)
    for cut in (0, 1, 10, len(packed) - 9, len(packed) - 4, len(packed) - 1):
        rejected(t, batch([plain], packed[:cut], attributes=1), 87, kafka=-1)
    rejected(t, batch([plain], packed[:-8] + b"\0" * 4 + packed[-4:], attributes=1), 87, kafka=-1)
    rejected(t, batch([plain], packed + b"abc", attributes=1), 87, kafka=taken)  # bytes behind the last member
    rejected(t, batch([plain], gzip.compress(packed), attributes=1), 87)
    rejected(t, batch([plain], gzip.compress(plain + b"abc"), attributes=1), 87)
    two = packed + gzip.compress(record(offset=1))
    assert raw.produce(*t, batch([plain], two, attributes=1, count=2, last_delta=1))[0] == none  # two members are one stream
    same(76, raw.produce(*t, batch([plain], attributes=4), version=6)[0])  # zstd is of version 7
    bomb = gzip.compress(record(value=b"\0" * (200 << 20)), 1)
    assert len(bomb) < 1 << 20
    with small(64 << 20):
        began = time.monotonic()
        rejected(t, batch([plain], bomb, attributes=1), -1, kafka=taken)  # more than we unpack for one
        assert time.monotonic() - began < 5
        zeros = gzip.compress(b"\0" * (200 << 20), 1)
        rejected(t, batch([plain], zeros, attributes=1), 87)


# ---- K10, K11: producers ----

def k10_sequences():
    """K10 idempotence: gap, repeats of the last five, of the sixth, round the end, epochs, strangers"""
    t = fresh()
    error, pid_, epoch = raw.init_producer(t[0])
    assert (error, epoch) == (none, 0)

    def put(sequence, e=epoch, n=1, who=pid_):
        return raw.produce(*t, batch([record(offset=i) for i in range(n)], producer=who, epoch=e, sequence=sequence))

    for i in range(6):
        assert put(i) == (none, i)
    for i in range(1, 6):
        assert put(i) == (none, i), "a repeat is answered as the first time"
    assert put(0)[0] == 45  # the sixth is not remembered
    assert put(8)[0] == 45
    assert raw.high(*t) == 6
    assert put(0, e=2) == (none, 6)  # a newer epoch begins at 0
    assert put(1, e=1)[0] == 47
    assert put(5, e=3)[0] == 45
    assert put(0, who=pid_ + 10 ** 9) == (none, 7)  # nothing is known of it: taken, as Kafka does
    assert put(-1)[0] == 87
    # round the end: a producer that stands at 2^31 - 2
    other = raw.init_producer(t[0])[1]
    last = 2 ** 31 - 1
    assert put(last - 1, who=other, e=0)[0] == none
    assert put(last, who=other, e=0, n=2)[0] == none  # its second record has 0
    assert put(1, who=other, e=0)[0] == none


def k11_transactions():
    """K11 transactions: produce before add, ends twice and late, two of one id, timeouts, unknown ones"""
    t = fresh()
    c, name = t
    id_ = f"txn-{name}"
    for timeout in (0, -1, 2 ** 31 - 1):
        assert raw.init_producer(c, id_, timeout)[0] == 50
    assert raw.init_producer(c, "")[0] == 42
    error, pid_, epoch = raw.init_producer(c, id_)
    assert error == none

    def put(sequence, e):
        return raw.produce(*t, batch(producer=pid_, epoch=e, sequence=sequence, attributes=16), txn=id_)[0]

    assert put(0, epoch) == 48  # before it was added
    assert raw.end_txn(c, id_, pid_, epoch, 1) == 48  # nothing is open
    assert raw.add_partitions(c, id_, pid_ + 10 ** 9, epoch, name) == 49
    assert raw.add_partitions(c, id_ + "x", pid_, epoch, name) == 49
    assert raw.add_partitions(c, id_, pid_, epoch + 1, name) == 47
    assert raw.add_partitions(c, id_, pid_, epoch, name, 9) == 3
    assert raw.add_partitions(c, id_, pid_, epoch, name) == none
    assert put(0, epoch) == none
    assert raw.end_txn(c, id_, pid_, epoch, 0) == none
    assert raw.end_txn(c, id_, pid_, epoch, 0) == none  # again
    assert raw.end_txn(c, id_, pid_, epoch, 1) == 48  # a commit after the abort
    assert raw.add_partitions(c, id_, pid_, epoch, name) == none
    assert put(1, epoch) == none
    error, again, newer = raw.init_producer(c, id_)  # another one: what is open is aborted, its producer is fenced
    assert (error, again, newer) == (none, pid_, epoch + 2)
    assert raw.end_txn(c, id_, pid_, epoch, 1) == 47
    assert put(2, epoch) == 47
    assert raw.fetch(c, name, 0, committed=True)[0] == none
    assert raw.high(c, name) == 4  # two records, two markers


# ---- K12, K13: groups ----

def metadata(n=0):
    """What a consumer subscribes to: no topics, `n` bytes of its own. Kafka reads it when all have joined; what is no such
    thing throws there, and the group is never answered."""
    return i16(0) + array([]) + raw.blob(b"m" * n)


def join(c, group, member="", session=10000, protocols=(("range", metadata()),), instance=None, version=5):
    """(error, generation, member). Who does not join again is waited for no longer than a fraction of what a Conn waits."""
    body = text(group) + i32(session) + i32(3000) + text(member) + text(instance) + text("consumer")
    r = c.ask(11, version, body + array([text(n) + raw.blob(m) for n, m in protocols]))
    r.i32()
    error, generation = r.i16(), r.i32()
    r.text(), r.text()
    return error, generation, r.text()


def sync(c, group, generation, member, instance=None):
    one = [text(member) + raw.blob(b"a")]
    r = c.ask(14, 3, text(group) + i32(generation) + text(member) + text(instance) + array(one))
    r.i32()
    return r.i16()


def beat(c, group, generation, member, instance=None):
    r = c.ask(12, 3, text(group) + i32(generation) + text(member) + text(instance))
    r.i32()
    return r.i16()


def commit(c, group, generation, member, topic, partition=0, offset=1):
    one = text(topic) + array([i32(partition) + i64(offset) + i32(-1) + text("")])
    r = c.ask(8, 7, text(group) + i32(generation) + text(member) + text(None) + array([one]))
    r.i32(), r.i32(), r.text(), r.i32(), r.i32()
    return r.i16()


def k12_groups():
    """K12 groups: stale generations, strangers, static ids twice, no protocols, sizes and times out of range, floods"""
    c, name = fresh()
    group = f"group-{name}"
    kit.until(lambda: raw.coordinator(c, group, 0) == none and join(c, group, "nobody")[0] not in (14, 15, 16))
    assert join(c, "", "")[0] == 24
    for session in (0, -1, 5999, 1800001, 2 ** 31 - 1):
        assert join(c, group, session=session)[0] == 26
    assert join(c, group, "nobody")[0] == 25
    assert join(c, group, protocols=())[0] == 23
    error, _, member = join(c, group)
    assert error == 79  # come again with this id
    error, generation, _ = join(c, group, member, protocols=(("range", metadata(1 << 20)),))
    same(42, error, kafka=none)  # ours has a limit; Kafka cannot write the group down, and says so of the assignment
    if not messages:
        assert sync(c, group, generation, member) == -1
        error, _, member = join(c, group)
        assert error == 79
    error, generation, member = join(c, group, member, protocols=(("range", metadata(1 << 18)),))
    assert error == none
    assert sync(c, group, generation + 1, member) == 22
    assert sync(c, group, generation, "nobody") == 25
    assert sync(c, group, generation, member) == none
    for _ in range(2000):
        assert beat(c, group, generation, member) == none
    assert beat(c, group, generation - 1, member) == 22
    assert beat(c, group, generation, "nobody") == 25
    assert beat(c, "no-such-group", 1, "m") == 25
    assert commit(c, group, generation, member, name) == none
    assert commit(c, group, generation + 5, member, name) == 22
    assert commit(c, group, generation, "nobody", name) == 25
    assert commit(c, group, -1, "", name) == 25  # it has members: nobody else commits
    assert commit(c, group, generation, member, name, 77) == 3
    for offset in (2 ** 63 - 1, 0):
        assert commit(c, group, generation, member, name, 0, offset) == none
    # one static id, two members: the older one is fenced
    static = group + "-static"
    error, g1, m1 = join(c, static, instance="i")
    assert error == none and sync(c, static, g1, m1, "i") == none
    error, g2, m2 = join(c, static, instance="i")
    assert error == none and m2 != m1
    assert beat(c, static, g2, m1, "i") == 82
    assert join(c, static, m1, instance="i")[0] == 82


def k13_share_groups():
    """K13 share groups are not there: their keys are not advertised, and close their connection"""
    c = Conn(at)
    r = c.ask(18, 0)
    r.i16()
    keys = set()
    for _ in range(r.i32()):
        keys.add(r.i16())
        r.i16(), r.i16()
    share = set(range(76, 80)) | set(range(83, 93)) & {83, 84, 85, 86, 87, 90, 91, 92}
    if messages:  # of ours
        assert not keys & share
    for key in sorted(share - keys):
        must_close(*framed(key, 0, b"\0" * 32, flexible=True))


# ---- K14, K15: reading, topics ----

def k14_fetch():
    """K14 fetch: offsets before, behind and negative, sizes 0 and -1, partitions twice and a hundred thousand, sessions, waits"""
    c, name = fresh()
    assert raw.produce(c, name, batch([record(offset=i) for i in range(3)]))[0] == none
    for offset in (-1, -2, 4, 2 ** 63 - 1, -2 ** 63):
        assert raw.fetch(c, name, offset) == (1, -1, b"")
    assert raw.fetch(c, name, 3) == (none, 3, b"")
    whole = raw.fetch(c, name, 0)
    assert whole[:2] == (none, 3)
    for most in (0, 1, 61, len(whole[2]) - 1):  # one whole batch all the same
        for part in (0, 1, 2 ** 31 - 1):
            assert raw.fetch(c, name, 0, most=most, part_most=part, least=0) == whole
    for most, part in ((-1, 1), (1, -1), (-2 ** 31, -2 ** 31)):  # Kafka throws
        same(whole, raw.fetch(c, name, 0, most=most, part_most=part, least=0), kafka=(-1, -1, b""))
    for partition in (5, -1):
        assert raw.fetch(c, name, 0, partition=partition) == (3, -1, b"")
    assert raw.fetch(c, "no-such-topic", 0) == (3, -1, b"")
    r = c.ask(1, 11, raw.fetch_body(name, 0, times=2))
    assert r.i32() == 0
    with small(96 << 20):
        p = Conn(at)
        with contextlib.suppress(Closed):
            p.ask(1, 11, raw.fetch_body(name, 0, times=100000, most=1 << 20))
        p.close()
    for session, epoch in ((77, 3), (77, 1), (0, 1), (0, 3), (-1, 5)):  # one that goes on, and is not there
        assert raw.fetch(c, name, 0, session=session, epoch=epoch) == (70, -1, b"")
    for session, epoch in ((0, 0), (77, 0), (77, -1), (0, -1), (-1, 0)):  # none, or one that begins
        assert raw.fetch(c, name, 0, session=session, epoch=epoch) == whole
    same(42, raw.fetch(c, name, 0, committed=7)[0], kafka=-1)
    p = Conn(at)
    p.frame(p.header(1, 11) + raw.fetch_body(name, 3, wait=2 ** 31 - 1, least=2 ** 31 - 1))
    time.sleep(0.1)
    assert raw.produce(c, name, batch())[0] == none  # nobody is held up by it
    p.close()


def k15_topics():
    """K15 topics: names, partitions and settings that cannot be"""
    c, name = fresh()
    for bad in ("", ".", "..", "x" * 250, "a/b", "a\0b", "ä", "a b", "a:b"):
        assert raw.create(c, bad) == 17, bad
    assert raw.create(c, str(os.getpid()).rjust(249, "x")) == none
    for n in (0, -5, -2 ** 31):
        assert raw.create(c, name + "-n", n) == 37
    if messages:  # Kafka makes them, until it has no memory left
        assert raw.create(c, name + "-n", 1000000) == 44
    assert raw.create(c, name) == 36
    assert raw.create(c, name + ".a") == none
    assert raw.create(c, name + "_a") == 17  # differs in '.' and '_' only
    for key, value in (("no.such.setting", "1"), ("retention.ms", "soon"), ("retention.ms", "-2"), ("segment.bytes", "1"),
                       ("cleanup.policy", "keep"), ("compression.type", "rar"), ("min.insync.replicas", "0"),
                       ("retention.ms", None)):
        assert raw.create(c, name + "-c", configs=[(key, value)]) == 40, (key, value)
    for kind, internal in enumerate(("__consumer_offsets", "__transaction_state")):
        kit.until(lambda: raw.coordinator(c, "x", kind) == none)
        assert raw.create(c, internal) == 36
    have = raw.names(c)
    for suffix in ("-n", "-c", "_a"):
        assert (name + suffix).encode() not in have


# ---- K16, K17: sessions ----

def k16_sasl():
    """K16 SASL: there is none on this port: a handshake is refused, a token closes, what is not begun cannot be ended"""
    c = Conn(at)
    # Ours does not have the APIs. Kafka does, but not on such a port.
    for mechanism in ("PLAIN", "", "X" * 1000, "SCRAM-SHA-256"):
        must_close(*framed(17, 1, text(mechanism)), kafka="answered")
    if not messages:
        assert c.ask(17, 1, text("PLAIN")).i16() == 34
    for token in (b"", b"\0user\0secret", b"user", b"x" * (1 << 20), b"n,,n=user,r=abc"):
        must_close(*framed(36, 0, raw.blob(token)), kafka="answered")
    assert Conn(at).ask(18, 0).i16() == none


def k17_pipelined():
    """K17 a hundred thousand requests without reading: the peer waits, the server does not grow; ids again; half-closed"""
    c = Conn(at, timeout=3)
    with small(48 << 20):
        sent = 0
        burst = b"".join(i32(10) + i16(3) + i16(0) + i32(5) + i16(-1) for _ in range(100))  # all topics: larger answers
        try:
            while sent < 100000:
                c.raw(burst)
                sent += 100
        except (TimeoutError, OSError, Closed):
            pass  # backpressure, or sent away
    c.close()
    c = Conn(at)
    for _ in range(3):  # one correlation id for all
        c.raw(i32(10) + i16(18) + i16(0) + i32(7) + i16(-1))
    for _ in range(3):
        body = c.recv(struct.unpack(">i", c.recv(4))[0])
        assert struct.unpack(">i", body[:4])[0] == 7
    c = Conn(at)
    c.raw(b"".join(i32(10) + i16(18) + i16(0) + i32(i) + i16(-1) for i in range(50)))
    c.sock.shutdown(1)
    for i in range(50):
        body = c.recv(struct.unpack(">i", c.recv(4))[0])
        assert struct.unpack(">i", body[:4])[0] == i
    try:
        assert c.sock.recv(1) == b""
    except ConnectionResetError:
        pass


kit.run("faults", [v for k, v in list(globals().items()) if k.startswith("k") and k[1:2].isdigit()])
