"""Speaks FastCGI to a lane's socket, as nginx does, to be slower or later than nginx ever is."""

import socket
import struct
from pathlib import Path

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
RESPONDER = bytes([0, 1, 0, 0, 0, 0, 0, 0])


def record(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def _length(text: bytes) -> bytes:
    return bytes([len(text)]) if len(text) < 128 else struct.pack(">I", len(text) | 1 << 31)


def _pair(name: str, value: str) -> bytes:
    n, v = name.encode(), value.encode()
    return _length(n) + _length(v) + n + v


def request(params: dict[str, str], body: bytes = b"") -> bytes:
    """All records of one request."""
    pairs = b"".join(_pair(name, value) for name, value in params.items())
    stdin = record(STDIN, body) if body else b""
    return (
        record(BEGIN, RESPONDER)
        + record(PARAMS, pairs)
        + record(PARAMS, b"")
        + stdin
        + record(STDIN, b"")
    )


def connect(path: Path | str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(path))
    return connection


def finish(connection: socket.socket) -> tuple[bytes, bool]:
    """The answer's text, and whether it ended as FastCGI has it."""
    data, out, at, ended = b"", b"", 0, False
    while chunk := connection.recv(65536):
        data += chunk
    while at + 8 <= len(data):
        _, kind, _, length, padding = struct.unpack_from(">BBHHB", data, at)
        if kind == STDOUT:
            out += data[at + 8 : at + 8 + length]
        ended = ended or kind == END
        at += 8 + length + padding
    return out, ended
