"""Kafka's messages by name, in any version, read from the tables of src/net/wire/kafka_*.def (kafka.h tells how)."""
import os
import re
import struct

from raw import i8, uvarint

NUMBERS = {"BOOL": ">?", "I8": ">b", "I16": ">h", "U16": ">H", "I32": ">i", "I64": ">q", "F64": ">d"}
ROW = re.compile(r"\s*(API|STRUCT|FIELD|LIST|MANY|MAYBE|END)\b(?:\((.*)\))?")


class Field:
    def __init__(self, kind, type_, name, flags):
        def number(flag, otherwise):
            got = re.search(rf"\b{flag}\((\d+)\)", flags)
            return int(got[1]) if got else otherwise
        self.kind, self.type, self.name = kind, type_, name
        self.since, self.until, self.tag = number("SINCE", 0), number("UNTIL", 99), number("TAG", None)
        self.null_since = 0 if re.search(r"\bNULLABLE\b", flags) else number("NULLABLE_SINCE", 99)
        default = re.search(r"\bDEFAULT\(([^)]*)\)", flags)
        constants = {"INT32_MIN": -2 ** 31, "INT32_MAX": 2 ** 31 - 1, "INT64_MAX": 2 ** 63 - 1, "true": True}
        self.default = constants.get(default[1]) if default and default[1] in constants else int(default[1]) if default else None

    def empty(self, version):
        if self.default is not None:
            return self.default
        if self.kind == "MAYBE" or self.null_since <= version and (self.kind != "FIELD" or self.type in ("STRING", "BYTES", "RECORDS")):
            return None
        if self.kind in ("LIST", "MANY"):
            return []
        return "" if self.type == "STRING" else b"\0" * 16 if self.type == "UUID" else b"" if self.type in ("BYTES", "RECORDS") else 0


def tables():
    structs, apis, into = {}, {}, None
    room = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/net/wire")
    for part in ("data", "meta", "group", "txn", "admin"):
        with open(os.path.join(room, f"kafka_{part}.def")) as f:
            for line in f:
                row = ROW.match(line)
                if not row:
                    continue
                kind, rest = row.groups()
                words = [w.strip() for w in (rest or "").split(",")]
                if kind == "API":
                    key, _, name, _, since, to, flexible = words
                    apis[name] = int(key), int(since), int(to), 99 if flexible == "NEVER" else int(flexible)
                elif kind == "STRUCT":
                    into = structs[words[0]] = []
                elif kind != "END":
                    into.append(Field(kind, words[0], words[1], ",".join(words[2:])))
    return apis, structs


APIS, STRUCTS = tables()


class Writer:
    def __init__(self, version, flexible):
        self.version, self.flexible, self.out = version, flexible, b""

    def length(self, n, form):
        self.out += uvarint(n + 1) if self.flexible else struct.pack(form, n)

    def scalar(self, type_, v):
        if type_ in NUMBERS:
            self.out += struct.pack(NUMBERS[type_], v)
        elif type_ == "UUID":
            self.out += v
        else:
            v = v.encode() if isinstance(v, str) else v
            self.length(-1 if v is None else len(v), ">h" if type_ == "STRING" else ">i")
            self.out += v or b""

    def field(self, f, v):
        if f.kind == "FIELD":
            self.scalar(f.type, v)
            return
        if f.kind == "MAYBE":
            self.out += i8(-1 if v is None else 1)
            if v is not None:
                self.struct(f.type, v)
            return
        self.length(-1 if v is None else len(v), ">i")
        for one in v or []:
            if f.kind == "LIST":
                self.scalar(f.type, one)
            else:
                self.struct(f.type, one)

    def struct(self, name, values):
        strange = set(values) - {f.name for f in STRUCTS[name]}
        assert not strange, f"{name} has no {strange}"
        for f in STRUCTS[name]:
            if f.since <= self.version <= f.until and f.tag is None:
                self.field(f, values.get(f.name, f.empty(self.version)))
        if self.flexible:
            self.out += b"\0"  # no tags


class Told:
    """An answer: its structs are dictionaries."""
    def __init__(self, data, version, flexible):
        self.data, self.at, self.version, self.flexible = data, 0, version, flexible

    def take(self, n):
        assert 0 <= n <= len(self.data) - self.at, "an answer that is cut off"
        self.at += n
        return self.data[self.at - n:self.at]

    def uvarint(self):
        got = shift = 0
        while True:
            b = self.take(1)[0]
            got |= (b & 127) << shift
            shift += 7
            if b < 128:
                return got

    def length(self, form):
        return self.uvarint() - 1 if self.flexible else struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def scalar(self, type_):
        if type_ in NUMBERS:
            return struct.unpack(NUMBERS[type_], self.take(struct.calcsize(NUMBERS[type_])))[0]
        if type_ == "UUID":
            return self.take(16)
        n = self.length(">h" if type_ == "STRING" else ">i")
        if n < 0:
            return None
        got = self.take(n)
        return got.decode() if type_ == "STRING" else got

    def field(self, f):
        if f.kind == "FIELD":
            return self.scalar(f.type)
        if f.kind == "MAYBE":
            return self.struct(f.type) if f.tag is not None or self.scalar("I8") >= 0 else None
        n = self.length(">i")
        return None if n < 0 else [self.scalar(f.type) if f.kind == "LIST" else self.struct(f.type) for _ in range(n)]

    def struct(self, name):
        out = {f.name: self.field(f) for f in STRUCTS[name] if f.since <= self.version <= f.until and f.tag is None}
        tagged = {f.tag: f for f in STRUCTS[name] if f.tag is not None}
        for _ in range(self.uvarint() if self.flexible else 0):
            tag, n = self.uvarint(), self.uvarint()
            end = self.at + n
            if tag in tagged:
                out[tagged[tag].name] = self.field(tagged[tag])
            self.at = end
        return out


def send(c, name, version, values, client=b"raw"):
    key, _, _, since = APIS[name]
    w = Writer(version, version >= since)
    w.struct(f"{name}_request", values)
    c.frame(c.header(key, version, client, w.flexible) + w.out)


def receive(c, name, version):
    """The answer, whole: bytes behind it are an error."""
    flexible = version >= APIS[name][3]
    r = Told(c.answer().data, version, flexible)
    if flexible and name != "api_versions":
        assert r.uvarint() == 0, "tags in the header"
    got = r.struct(f"{name}_response")
    assert r.at == len(r.data), f"{len(r.data) - r.at} bytes behind the answer"
    return got


def ask(c, name, version, values, client=b"raw"):
    send(c, name, version, values, client)
    return receive(c, name, version)
