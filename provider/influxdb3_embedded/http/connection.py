"""How much a client may send before it gets its answer, and how long it may take.

uvicorn and its parser wait for ever and take whatever comes: header values without end, requests that never end,
thousands of requests in one packet. Each of these would hold up the other clients.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from influxdb3_embedded.http.connections import Connections

LONGEST_TARGET = 65_534
"""Bytes of a request target: path and query string. As many as the real server takes."""

MOST_HEADERS = 100
"""Headers of a request. As many as the real server takes."""

LONGEST_HEADERS = 65_536
"""Bytes of all headers of a request."""

SECONDS_FOR_HEADERS = 10.0
"""How long a client may take to send the headers of a request, the first of a connection included."""

SECONDS_FOR_BODY = 10.0
"""How long a client may take for a body, plus a second for every `BODY_RATE` bytes that have come."""

BODY_RATE = 10_240

_SECONDS_TO_READ = 30.0
"""How long a client may read nothing of an answer that waits for it."""

_PIECE = 4_096
"""Bytes that are parsed before the clock is looked at; they may hold hundreds of requests."""

_SECONDS_AT_ONCE = 0.005
"""How long a connection is parsed before others get their turn."""


class Connection(HttpToolsProtocol):
    """The connection of a client: uvicorn's, with limits.

    Args:
        connections: The connections that it is one of.
        arguments: uvicorn's.
    """

    def __init__(self, connections: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._all = connections
        self._unparsed = bytearray()
        self._owes = "headers"  # or "body", or "" between the end of a request and the beginning of the next
        self._since = self.loop.time()
        self._begun = False
        self._received = 0
        self._quiet = 0  # bytes since the parser last handed something over: what it keeps is in memory
        self._header_bytes = 0
        self._refusal: tuple[int, str] | None = None
        self._unread = 0
        self._unread_since: float | None = None

    @property
    def idle(self) -> bool:
        """Whether the client owes nothing and waits for nothing, or does not read what it has asked for."""
        return self.flow.write_paused or (not self._owes and (self.cycle is None or self.cycle.response_complete))

    # the life of a connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """A client has come."""
        super().connection_made(transport)
        full = self._all.full()
        self._all.open.add(self)
        self._all.owing[self] = None
        if full:
            self._begun = True
            self._refuse(503, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._all.open.discard(self)
        self._settle()
        self._all.leaving.pop(self, None)
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Make place for another connection."""
        if self.flow.write_paused:
            self.abort()
        else:
            self._refuse(503, "too many connections: the oldest request that is not complete gives way", at_once=True)

    def abort(self) -> None:
        """Close the connection, whatever is still to be sent."""
        self.transport.abort()

    def look(self, now: float) -> None:
        """End what takes too long."""
        if self.flow.read_paused:
            self._since = now  # it is not the client that waits
        elif self._refusal is None and self._owes:
            allowed = SECONDS_FOR_BODY + self._received / BODY_RATE if self._owes == "body" else SECONDS_FOR_HEADERS
            if now - self._since > allowed:
                self._refuse(408, f"the {self._owes} of the request did not come in time")
        if self.flow.write_paused:
            unread = self.transport.get_write_buffer_size()
            if self._unread_since is None or unread != self._unread:
                self._unread, self._unread_since = unread, now
            elif now - self._unread_since > _SECONDS_TO_READ:
                self.abort()

    # what the client sends

    def data_received(self, data: bytes) -> None:
        """Parse what has come, or keep it while requests before it wait for their answers."""
        if self._refusal is not None:
            return
        self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        stop = time.perf_counter() + _SECONDS_AT_ONCE
        while self._unparsed and self._refusal is None:
            if self.pipeline or time.perf_counter() > stop:
                self.flow.pause_reading()
                if not self.pipeline:
                    self.loop.call_soon(self._continue)
                return
            piece = bytes(self._unparsed[:_PIECE])
            del self._unparsed[:_PIECE]
            self._received += len(piece)
            self._quiet += len(piece)
            super().data_received(piece)
            if self._quiet > LONGEST_HEADERS + _PIECE:
                self._refuse(431, f"a header is longer than {LONGEST_HEADERS} bytes")

    def on_response_complete(self) -> None:
        """Go on with the next request of the client."""
        super().on_response_complete()
        if self._refusal is not None and not self.pipeline and self.cycle.response_complete:
            self._end()
        elif self._unparsed:
            self.flow.pause_reading()
            self.loop.call_soon(self._continue)

    def _continue(self) -> None:
        if not self.transport.is_closing() and not self.pipeline:
            self.flow.resume_reading()
            self._parse()

    # what the parser finds

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._quiet = self._header_bytes = self._received = 0
        self._begun = True
        self._owe("headers")

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        super().on_url(url)
        self._quiet = 0
        if len(self.url) > LONGEST_TARGET:
            self._stop_parsing(414, f"the request target is longer than {LONGEST_TARGET} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._quiet = 0
        self._header_bytes += len(name) + len(value)
        if len(self.headers) >= MOST_HEADERS:
            self._stop_parsing(431, f"the request has more than {MOST_HEADERS} headers")
        if self._header_bytes > LONGEST_HEADERS:
            self._stop_parsing(431, f"the headers of the request are longer than {LONGEST_HEADERS} bytes")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request can be answered as soon as its body is there."""
        self._quiet = 0
        self._owe("body")
        if not self.url.startswith(b"/"):
            self._name_host()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._quiet = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of the request is there."""
        super().on_message_complete()
        self._quiet = 0
        self._settle()

    def _name_host(self) -> None:
        """Let a host in the request target replace the header (RFC 9112, 3.2.2)."""
        target = httptools.parse_url(self.url)
        if target.host:
            host = b"[%b]" % target.host if b":" in target.host else target.host
            host += b":%d" % target.port if target.port else b""
            self.headers[:] = [*(header for header in self.headers if header[0] != b"host"), (b"host", host)]

    def _owe(self, what: str) -> None:
        self._owes = what
        self._since = self.loop.time()
        self._all.owing[self] = None

    def _settle(self) -> None:
        self._owes = ""
        self._begun = False
        self._all.owing.pop(self, None)

    # refusals

    def _stop_parsing(self, status: int, text: str) -> None:
        self._refusal = status, text
        raise httptools.HttpParserError(text)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take, or what `_stop_parsing` has refused."""
        self._refuse(*(self._refusal or (400, msg)))

    def _refuse(self, status: int, text: str, *, at_once: bool = False) -> None:
        """Take nothing more of the client, and answer what it has not sent all of.

        Args:
            status: The answer's.
            text: The answer's.
            at_once: Whether to close the connection without waiting until the client has read the answer.
        """
        self._refusal = status, text
        self._unparsed.clear()
        cycle, begun = self.cycle, self._begun
        reading = self._owes == "body" and not self.pipeline
        self._settle()
        if cycle is not None and not cycle.response_complete:
            if not reading or cycle.response_started:
                return  # requests before this one get their answers first
            # the application waits for the rest of the body, which nobody reads any more
            cycle.disconnected = True
            cycle.message_event.set()
        elif reading or (not begun and status != 400):
            # it was answered before its body had come, or there is nothing to answer
            self.transport.close()
            return
        self._end(at_once=at_once)

    def _end(self, *, at_once: bool = False) -> None:
        """Answer what was refused, and close the connection."""
        self._unset_keepalive_if_required()
        if self._refusal is not None and not self.transport.is_closing():
            self.transport.write(_answer(*self._refusal))
        if at_once or self.transport.is_closing():
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self._all.leave(self)


def _answer(status: int, text: str) -> bytes:
    body = json.dumps({"error": text}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
