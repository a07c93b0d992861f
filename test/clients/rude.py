"""Peers that do not keep to the protocol, while another one goes on working: rude.py HOST:PORT."""
import socket
import struct
import sys

import kit

host, port = sys.argv[1].rsplit(":", 1)


def connect():
    s = socket.create_connection((host, int(port)), 5)
    s.settimeout(5)
    return s


def api_versions(s, n):
    s.sendall(struct.pack(">ihhih", 10, 18, 0, n, -1))
    size = struct.unpack(">i", recv(s, 4))[0]
    body = recv(s, size)
    assert struct.unpack(">ih", body[:6]) == (n, 0)


def recv(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(n - len(got))
        assert piece, "closed"
        got += piece
    return got


def closed(s):
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass


def noise():
    """HTTP, zeros, a negative and a huge length close their connection only"""
    good = connect()
    api_versions(good, 1)
    for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff" + b"\0" * 32):
        s = connect()
        s.sendall(bytes_)
        closed(s)
    api_versions(good, 2)


def unknown():
    """an API that nobody knows closes its connection"""
    s = connect()
    s.sendall(struct.pack(">ihhih", 10, 999, 0, 1, -1))
    closed(s)


def counts():
    """an array that says it has two thousand million elements allocates nothing"""
    s = connect()
    s.sendall(struct.pack(">ihhihi", 14, 3, 1, 1, -1, 2000000000))
    closed(s)


def pipelined():
    """a thousand requests at once are answered in order"""
    s = connect()
    s.sendall(b"".join(struct.pack(">ihhih", 10, 18, 0, i, -1) for i in range(1000)))
    for i in range(1000):
        body = recv(s, struct.unpack(">i", recv(s, 4))[0])
        assert struct.unpack(">i", body[:4])[0] == i


kit.run("rude peers", [noise, unknown, counts, pipelined])
