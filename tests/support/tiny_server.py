"""A small HTTP server in a thread, whose answers a test defines."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Received:
    """A received request; ``target`` is the path and query, unchanged."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class TinyServer:
    """A server that answers all requests alike, and keeps them."""

    port: int
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answering(status: int, body: bytes | str = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with this status, body and headers (with ``_`` for ``-`` in their names)."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection after the request was read."""
    # with a linger time of 0, close() sends a reset
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of the answer's body."""
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.close_connection = True


def silent(released: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send no answer until ``released`` is set."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        released.wait(30)
        handler.close_connection = True

    return answer


@contextmanager
def tiny_server(
    answer: Callable[[BaseHTTPRequestHandler], None], *, tls: ssl.SSLContext | None = None
) -> Iterator[TinyServer]:
    """Serve ``answer`` on a free port of the loopback interface, with TLS if ``tls`` is set."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append(Received(self.command, self.path, headers, body))
            answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names that the library looks up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

        def finish(self) -> None:
            if self.connection.fileno() != -1:
                super().finish()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            # the handshake is in each connection's thread; a client that does not trust the certificate disconnects
            server.handle_error = lambda *_: None  # type: ignore[method-assign]
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield TinyServer(server.server_port, received)
        finally:
            server.shutdown()
            thread.join()
