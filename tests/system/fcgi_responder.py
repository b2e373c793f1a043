"""A FastCGI application that tells what nginx sent it, to test nginx by itself."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

HEADER = struct.Struct(">BBHHBx")
END_REQUEST, PARAMS, STDIN, STDOUT = 3, 4, 5, 6

PROBLEM = (b"Status: 422 Unprocessable Content\r\nContent-Type: application/problem+json\r\n"
           b"Retry-After: 7\r\nLocation: /api/sandboxes/there\r\nX-Request-ID: the-programs\r\n"
           b'\r\n{"detail":"the program\'s own words"}')


def read_records(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while header := stream.read(HEADER.size):
        _, kind, _, length, padding = HEADER.unpack(header)
        yield kind, stream.read(length + padding)[:length]


def decode_params(data: bytes) -> dict[str, str]:
    def take_length(at: int) -> tuple[int, int]:
        if data[at] < 128:
            return data[at], at + 1
        return struct.unpack_from(">I", data, at)[0] & 0x7FFFFFFF, at + 4

    params, at = {}, 0
    while at < len(data):
        name_length, at = take_length(at)
        value_length, at = take_length(at)
        middle, end = at + name_length, at + name_length + value_length
        params[data[at:middle].decode()] = data[middle:end].decode()
        at = end
    return params


def record(kind: int, content: bytes) -> bytes:
    return HEADER.pack(1, kind, 1, len(content), 0) + content


def stream(kind: int, content: bytes) -> bytes:
    """The content in records as long as they may be, and the empty one that ends it."""
    longest = 0xFFFF
    parts = (content[at:at + longest] for at in range(0, len(content), longest))
    return b"".join(record(kind, part) for part in parts) + record(kind, b"")


class Handler(socketserver.StreamRequestHandler):
    server: Responder

    def handle(self) -> None:
        streams = {PARAMS: b"", STDIN: b""}
        for kind, content in read_records(self.rfile):
            streams[kind] = streams.get(kind, b"") + content
            if kind == STDIN and not content:
                break
        params = decode_params(streams[PARAMS])
        reply = self.reply(params, streams[STDIN])
        if reply is not None:
            self.wfile.write(stream(STDOUT, reply) + record(END_REQUEST, bytes(8)))

    def reply(self, params: dict[str, str], body: bytes) -> bytes | None:
        match params.get("DOCUMENT_URI"):
            case "/api/breaks-off":
                return None
            case "/api/never-answers":
                self.server.stopping.wait(20)
                return None
            case "/api/problem":
                return PROBLEM
        seen = {"lane": self.server.lane, "params": params, "body": body.decode()}
        return b"Content-Type: application/json\r\n\r\n" + json.dumps(seen).encode()


class Responder(socketserver.ThreadingUnixStreamServer):
    """Answers on the unix socket `path` until closed."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, lane: str):
        super().__init__(str(path), Handler)
        path.chmod(0o660)
        self.lane = lane
        self.stopping = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
