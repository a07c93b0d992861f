"""Kafka's protocol by hand, so that it can be said wrongly: frames, fields, record batches. Versions below the flexible ones."""
import socket
import struct

MAX_FRAME = 100 << 20


def crc32c(data, table=[]):
    if not table:
        for i in range(256):
            c = i
            for _ in range(8):
                c = c >> 1 ^ (0x82F63B78 if c & 1 else 0)
            table.append(c)
    c = 0xFFFFFFFF
    for b in data:
        c = table[(c ^ b) & 255] ^ c >> 8
    return c ^ 0xFFFFFFFF


def i8(n): return struct.pack(">b", n)
def i16(n): return struct.pack(">h", n)
def i32(n): return struct.pack(">i", n)
def i64(n): return struct.pack(">q", n)


def text(s):
    """A string: None is null."""
    if s is None:
        return i16(-1)
    s = s if isinstance(s, bytes) else s.encode()
    return i16(len(s)) + s


def blob(b):
    return i32(-1) if b is None else i32(len(b)) + b


def array(items):
    return i32(-1) if items is None else i32(len(items)) + b"".join(items)


def varint(n):
    n = n << 1 if n >= 0 else (-n << 1) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def uvarint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


# ---- records ----

def record(value=b"v", key=None, offset=0, ms=0, headers=(), **wrong):
    """`wrong` takes the place of a field's bytes: key_len, value_len, headers_n, attributes."""
    body = i8(wrong.get("attributes", 0)) + wrong.get("ms", varint(ms)) + wrong.get("offset", varint(offset))
    body += wrong.get("key_len", varint(-1 if key is None else len(key))) + (key or b"")
    body += wrong.get("value_len", varint(-1 if value is None else len(value))) + (value or b"")
    body += wrong.get("headers_n", varint(len(headers)))
    for k, v in headers:
        body += varint(-1 if k is None else len(k)) + (k or b"") + varint(-1 if v is None else len(v)) + (v or b"")
    return wrong.get("length", varint(len(body))) + body


def batch(records=None, packed=None, attributes=0, magic=2, base_offset=0, last_delta=None, count=None, producer=-1,
          epoch=-1, sequence=-1, base_ms=1700000000000, max_ms=None, crc=None, length=None):
    records = [record(offset=i) for i in range(1)] if records is None else records
    n = len(records)
    body = i16(attributes) + i32(n - 1 if last_delta is None else last_delta)
    body += i64(base_ms) + i64(base_ms if max_ms is None else max_ms)
    body += i64(producer) + i16(epoch) + i32(sequence) + i32(n if count is None else count)
    body += b"".join(records) if packed is None else packed
    head = i32(0) + i8(magic) + struct.pack(">I", crc32c(body) if crc is None else crc)
    return i64(base_offset) + i32(len(head) + len(body) if length is None else length) + head + body


# ---- a connection ----

class Closed(Exception):
    pass


class Conn:
    def __init__(self, at, timeout=10):
        host, port = at.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout)
        self.sock.settimeout(timeout)
        self.id = 0

    def recv(self, n):
        got = b""
        while len(got) < n:
            try:
                piece = self.sock.recv(n - len(got))
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Closed
            got += piece
        return got

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed

    def frame(self, body):
        self.raw(i32(len(body)) + body)

    def header(self, key, version, client=b"raw", flexible=False):
        self.id += 1
        return i16(key) + i16(version) + i32(self.id) + text(client) + (b"\0" if flexible else b"")

    def answer(self):
        """The body behind the correlation id."""
        size = struct.unpack(">i", self.recv(4))[0]
        body = self.recv(size)
        assert struct.unpack(">i", body[:4])[0] == self.id, "an answer to another request"
        return Reader(body[4:])

    def ask(self, key, version, body=b"", client=b"raw"):
        self.frame(self.header(key, version, client) + body)
        return self.answer()

    def close(self):
        self.sock.close()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        v = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return v[0]

    def i8(self): return self.take("b")
    def i16(self): return self.take("h")
    def i32(self): return self.take("i")
    def i64(self): return self.take("q")

    def text(self):
        n = self.i16()
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n:self.at]

    def blob(self):
        n = self.i32()
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n:self.at]


# ---- requests in short ----

def produce_body(topic, batches, partition=0, acks=-1, txn=None):
    return text(txn) + i16(acks) + i32(5000) + array([text(topic) + array([i32(partition) + blob(batches)])])


def produce(c, topic, batches, partition=0, acks=-1, txn=None, version=7):
    """(error, base offset)"""
    r = c.ask(0, version, produce_body(topic, batches, partition, acks, txn))
    assert r.i32() == 1
    r.text()
    assert r.i32() == 1
    r.i32()
    return r.i16(), r.i64()


def fetch_body(topic, offset, partition=0, committed=False, wait=0, least=1, most=1 << 20, part_most=1 << 20, session=0,
               epoch=-1, times=1):
    one = i32(partition) + i32(-1) + i64(offset) + i64(-1) + i32(part_most)
    return (i32(-1) + i32(wait) + i32(least) + i32(most) + i8(committed) + i32(session) + i32(epoch)
            + array([text(topic) + array([one] * times)]) + array([]) + text(""))


def fetch(c, topic, offset, **more):
    """(error, high watermark, records) of the first partition; the whole answer's error in place of the first."""
    r = c.ask(1, 11, fetch_body(topic, offset, **more))
    r.i32()
    whole = r.i16()
    r.i32()
    if r.i32() == 0:
        return whole, -1, b""
    r.text()
    r.i32()
    r.i32()
    error, high = r.i16(), r.i64()
    r.i64()
    r.i64()
    for _ in range(max(r.i32(), 0)):
        r.i64(), r.i64()
    r.i32()
    return whole or error, high, r.blob()


def high(c, topic, partition=0):
    """Where the partition ends: nothing was appended when it stays."""
    r = c.ask(2, 1, i32(-1) + array([text(topic) + array([i32(partition) + i64(-1)])]))
    r.i32(), r.text(), r.i32(), r.i32()
    error = r.i16()
    r.i64()
    return -error if error else r.i64()


def create(c, topic, partitions=1, configs=(), replicas=1, version=4):
    one = text(topic) + i32(partitions) + i16(replicas) + array([]) + array([text(k) + text(v) for k, v in configs])
    r = c.ask(19, version, array([one]) + i32(5000) + i8(0))
    r.i32(), r.i32(), r.text()
    return r.i16()


def names(c):
    """All topics."""
    r = c.ask(3, 1, i32(-1))
    for _ in range(r.i32()):
        r.i32(), r.text(), r.i32(), r.text()
    r.i32()
    out = set()
    for _ in range(r.i32()):
        r.i16()
        out.add(r.text())
        r.i8()
        for _ in range(r.i32()):
            r.i16(), r.i32(), r.i32()
            for _ in range(r.i32()):
                r.i32()
            for _ in range(r.i32()):
                r.i32()
    return out


def coordinator(c, key, kind):
    """Error: Kafka makes the coordinators' topics when somebody asks for one."""
    r = c.ask(10, 1, text(key) + i8(kind))
    r.i32()
    return r.i16()


def init_producer(c, txn=None, timeout=60000):
    """(error, id, epoch)"""
    if txn:
        coordinator(c, txn, 1)
    while True:
        r = c.ask(22, 1, text(txn) + i32(timeout))
        r.i32()
        got = r.i16(), r.i64(), r.i16()
        if got[0] not in (14, 15, 16, 51):
            return got


def add_partitions(c, txn, pid, epoch, topic, partition=0):
    while True:
        r = c.ask(24, 1, text(txn) + i64(pid) + i16(epoch) + array([text(topic) + array([i32(partition)])]))
        r.i32(), r.i32(), r.text(), r.i32(), r.i32()
        error = r.i16()
        if error != 51:
            return error


def end_txn(c, txn, pid, epoch, commit):
    while True:
        r = c.ask(26, 1, text(txn) + i64(pid) + i16(epoch) + i8(commit))
        r.i32()
        error = r.i16()
        if error != 51:
            return error
