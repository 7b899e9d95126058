"""A server that is not InfluxDB, or does its worst: every answer that a client has to survive, as bytes on a socket."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "hostile-mark"
"""In every text that a hostile answer holds."""
STEERING = f"\x1b[2J\x1b]0;{MARK}\x07\x9b31m\x7f\u2028\u202e\r{MARK}\x00"
LOGIN = f"<html><head><title>Sign in {MARK}</title></head><body>\x1b[31mlogin</body></html>"

Answer = Any  # a callable that gets the connection, and an event that says that the test is over


def http(status: int, body: bytes | str = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer as it goes over the wire."""
    content = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status} Whatever",
        *headers,
        "connection: close",
        f"content-length: {len(content) if length is None else length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def saying(answer: bytes) -> Answer:
    """Sends an answer and closes."""

    def send(connection: socket.socket, _ended: threading.Event) -> None:
        connection.sendall(answer)

    return send


def page(status: int, content_type: str = "text/html", body: str = LOGIN) -> Answer:
    return saying(http(status, body, f"content-type: {content_type}", "server: nginx"))


def dripping(first: bytes, drop: bytes = b"a") -> Answer:
    """Sends a byte or so every tenth of a second, without an end."""

    def send(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(first)
        while not ended.wait(0.1):
            connection.sendall(drop)

    return send


def flooding(first: bytes, wave: bytes) -> Answer:
    """Sends as much as the client takes, without an end."""

    def send(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(first)
        while not ended.is_set():
            connection.sendall(wave)

    return send


def reset(connection: socket.socket, _ended: threading.Event) -> None:
    # lingering for no time makes the close a reset
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(_connection: socket.socket, ended: threading.Event) -> None:
    ended.wait(30)


_OK = b"HTTP/1.1 200 OK\r\n"
_MIB = 1024 * 1024

LIES: dict[str, Answer] = {
    "a login page": page(200),
    "a login page without a content type": saying(http(200, LOGIN)),
    "a created login page": page(201),
    "a page of XML": page(200, "application/xml", f"<?xml version='1.0'?><a>{MARK}</a>"),
    "an image": page(200, "image/png", f"PNG {MARK}"),
    "an empty page": page(200, body=""),
    "JSON that asks for a login": page(200, "application/json", json.dumps({"login": f"https://x/?t={MARK}"})),
    "JSON of an error": page(200, "application/json", json.dumps({"error": STEERING})),
    "words": saying(http(200, f"welcome {STEERING}")),
    "a redirect": saying(http(302, "", f"location: https://login.example/{MARK}?next=1")),
    "a redirect without a place": saying(http(304)),
    "a page that is not found": page(404),
    "a gateway's JSON that is not found": page(404, "application/json", '{"error": "not found"}'),
    "a gateway's resource that was not found": page(404, body=f"<p>resource was not found {MARK}</p>"),
    "a conflict of a gateway": page(409),
    "a conflict in JSON of a gateway": page(409, "application/json", '{"message": "conflict"}'),
    "a page for strangers": page(401),
    "a forbidden page": page(403),
    "a proxy's login": page(407),
    "a bad gateway": page(502),
    "a busy gateway": page(503),
    "a slow gateway": page(504),
    "an error that steers the terminal": saying(http(500, STEERING * 10)),
    "an error of many lines": saying(http(500, f"\n{MARK}" * 100_000)),
    "an error of fifty megabytes": saying(http(500, MARK.encode() * (50 * _MIB // len(MARK)))),
    "an encoding that is none of text": saying(http(500, MARK, "content-type: text/plain; charset=zip")),
    "an encoding in layers": saying(http(200, b"x", "content-encoding: gzip, gzip")),
    "text that is no gzip": saying(http(200, b"x", "content-encoding: gzip")),
    "a gzip bomb": saying(http(200, gzip.compress(b"[" * 200 * _MIB), "content-encoding: gzip")),
    "an answer of a gigabyte": flooding(http(200, b"[", length=1 << 30), b" " * _MIB),
    "chunks without an end": flooding(
        _OK + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"
    ),
    "headers without an end": flooding(_OK, b"x: y\r\n" * 10_000),
    "a body that is cut off": saying(http(200, "[", length=100)),
    "no HTTP": saying(f"{STEERING}\r\n\r\n".encode()),
    "a reset": reset,
    "nothing, and a close": saying(b""),
}
"""Answers that come at once."""

DELAYS: dict[str, Answer] = {
    "silence": silent,
    "a status line that drips": dripping(b"HTTP/1.1 "),
    "headers that drip": dripping(_OK, b"x: y\r\n"),
    "a body that drips": dripping(http(200, b"[", length=1000), b" "),
    "chunks that drip": dripping(_OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "an error that drips": dripping(http(500, b"e", length=1000)),
    "informational answers without an end": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}
"""Answers that never end."""

ANSWERS = LIES | DELAYS


class HostileServer:
    """Answers every request alike.

    Attributes:
        answer: What it does once it has read a request; may be changed at any time.
        requests: How many it has read.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests = 0
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(30)
            _read_request(connection)
            self.requests += 1
            self.answer(connection, self._ended)
            if self.answer is not reset:
                connection.shutdown(socket.SHUT_WR)
                time.sleep(0.01)


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise OSError
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = (int(lengths[0].partition(b":")[2]) if lengths else 0) - len(body)
    while left > 0:
        left -= len(connection.recv(65536))


@contextmanager
def hostile_server(answer: Answer) -> Iterator[HostileServer]:
    """A hostile server while the context lasts."""
    server = HostileServer(answer)
    try:
        yield server
    finally:
        server.close()
