"""Limits of a client's connection: how much a client may send before it gets an answer, and how long it may take.

uvicorn and its parser have no such limits. A client could hold up the others with endless headers, with requests that
never end, or with thousands of requests in one packet.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from influxdb3_embedded.http.relay import PREFACE

if TYPE_CHECKING:
    import asyncio

    from influxdb3_embedded.http.listener import Listener
    from influxdb3_embedded.http.relay import Relays

MAX_TARGET_BYTES = 65_534
"""Length of a request target (path and query string). The real server has the same limit."""

MAX_HEADERS = 100
"""Number of headers of a request. The real server has the same limit."""

MAX_HEADER_BYTES = 65_536
"""Length of all headers of a request."""

SECONDS_FOR_HEADERS = 10.0
"""Time for the headers of a request; for the first request, it starts with the connection."""

SECONDS_FOR_BODY = 10.0
"""Time for the body of a request, plus one second for each `BODY_BYTES_PER_SECOND` received."""

BODY_BYTES_PER_SECOND = 10_240

_SECONDS_TO_READ_ANSWER = 30.0
"""Time within which a client must read at least a part of a waiting answer."""

_PIECE_BYTES = 4_096
"""How much is parsed between two looks at the clock. It may hold hundreds of requests."""

_SECONDS_TO_PARSE = 0.005
"""How long one connection is parsed before other connections get their turn."""


class Connection(HttpToolsProtocol):
    """A client's connection: uvicorn's protocol with limits.

    Args:
        listener: The listener that accepted the connection.
        relays: Takes over the connection if it begins as HTTP/2.
        arguments: Arguments of uvicorn's protocol.
    """

    def __init__(self, listener: Listener, relays: Relays, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._listener = listener
        self._relays = relays
        self._protocol_known = False
        self._unparsed = bytearray()
        self._missing: Literal["headers", "body"] | None = "headers"
        self._missing_since = self.loop.time()
        self._request_begun = False
        self._request_bytes = 0
        self._header_bytes = 0
        self._bytes_kept_by_parser = 0
        self._refusal: tuple[int, str] | None = None
        self._unread = 0
        self._unread_since: float | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is incomplete or being answered, or the client does not read its answer."""
        return self.flow.write_paused or (
            self._missing is None and (self.cycle is None or self.cycle.response_complete)
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Register the connection; refuse it if there are too many."""
        super().connection_made(transport)
        admitted = self._listener.admits()
        self._listener.open.add(self)
        self._listener.incomplete[self] = None
        if not admitted:
            self._request_begun = True
            self._refuse(503, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._listener.open.discard(self)
        self._request_complete()
        self._listener.refused.pop(self, None)
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Close the connection, to make room for another one."""
        if self.flow.write_paused:
            self.abort()
        else:
            self._refuse(503, "too many connections: the oldest incomplete request is refused", at_once=True)

    def abort(self) -> None:
        """Close the connection at once; unsent data is lost."""
        self.transport.abort()

    def check_time_limits(self, now: float) -> None:
        """Refuse a request that arrives too slowly; close the connection if the client does not read its answer.

        Args:
            now: Time of the event loop, in seconds.
        """
        self._check_reading(now)
        if self.flow.write_paused:
            self._check_writing(now)

    def _check_reading(self, now: float) -> None:
        if self.flow.read_paused:
            self._missing_since = now  # the client cannot send
        elif self._refusal is None and self._missing is not None:
            seconds = SECONDS_FOR_HEADERS
            if self._missing == "body":
                seconds = SECONDS_FOR_BODY + self._request_bytes / BODY_BYTES_PER_SECOND
            if now - self._missing_since > seconds:
                self._refuse(408, f"the {self._missing} of the request did not arrive in time")

    def _check_writing(self, now: float) -> None:
        unread = self.transport.get_write_buffer_size()
        if self._unread_since is None or unread != self._unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > _SECONDS_TO_READ_ANSWER:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Parse the data, or keep it while earlier requests wait for their answers."""
        if self._refusal is not None:
            return
        self._unparsed += data
        if self._protocol_known or not self._may_be_http2():
            self._parse()

    def _may_be_http2(self) -> bool:
        """Whether the first bytes begin HTTP/2, or may still do so. Hands HTTP/2 connections over."""
        begin = bytes(self._unparsed[: len(PREFACE)])
        if not PREFACE.startswith(begin):
            self._protocol_known = True
            return False
        if len(begin) == len(PREFACE):
            self._listener.open.discard(self)
            self._request_complete()
            self.connections.discard(self)
            self._relays.take_over(self.transport, bytes(self._unparsed))
        return True

    def _parse(self) -> None:
        stop = time.perf_counter() + _SECONDS_TO_PARSE
        while self._unparsed and self._refusal is None:
            if self.pipeline or time.perf_counter() > stop:
                self.flow.pause_reading()
                if not self.pipeline:
                    self.loop.call_soon(self._continue)
                return
            piece = bytes(self._unparsed[:_PIECE_BYTES])
            del self._unparsed[:_PIECE_BYTES]
            self._request_bytes += len(piece)
            self._bytes_kept_by_parser += len(piece)
            super().data_received(piece)
            if self._bytes_kept_by_parser > MAX_HEADER_BYTES + _PIECE_BYTES:
                self._refuse(431, f"a header is longer than {MAX_HEADER_BYTES} bytes")

    def on_response_complete(self) -> None:
        """Continue with the client's next request."""
        super().on_response_complete()
        if self._refusal is not None and not self.pipeline and self.cycle.response_complete:
            self._send_refusal()
        elif self._unparsed:
            self.flow.pause_reading()
            self.loop.call_soon(self._continue)

    def _continue(self) -> None:
        if not self.transport.is_closing() and not self.pipeline:
            self.flow.resume_reading()
            self._parse()

    def on_message_begin(self) -> None:
        """Start to count for a new request."""
        super().on_message_begin()
        self._bytes_kept_by_parser = self._header_bytes = self._request_bytes = 0
        self._request_begun = True
        self._wait_for("headers")

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target, up to the limit."""
        super().on_url(url)
        self._bytes_kept_by_parser = 0
        if len(self.url) > MAX_TARGET_BYTES:
            self._stop_parsing(414, f"the request target is longer than {MAX_TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer, up to the limits."""
        self._bytes_kept_by_parser = 0
        self._header_bytes += len(name) + len(value)
        if len(self.headers) >= MAX_HEADERS:
            self._stop_parsing(431, f"the request has more than {MAX_HEADERS} headers")
        if self._header_bytes > MAX_HEADER_BYTES:
            self._stop_parsing(431, f"the headers of the request are longer than {MAX_HEADER_BYTES} bytes")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the application, which reads the body as it arrives."""
        self._bytes_kept_by_parser = 0
        if not self.url.startswith(b"/"):
            self._add_host_of_target()
        super().on_headers_complete()
        self._wait_for("body")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._bytes_kept_by_parser = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        super().on_message_complete()
        self._bytes_kept_by_parser = 0
        self._request_complete()

    def _add_host_of_target(self) -> None:
        """Let the check of hosts see the host in the request target as well as the ``Host`` header."""
        target = httptools.parse_url(self.url)
        if target.host:
            host = b"[%b]" % target.host if b":" in target.host else target.host
            host += b":%d" % target.port if target.port else b""
            self.headers.append((b"host", host))

    def _wait_for(self, part: Literal["headers", "body"]) -> None:
        self._missing = part
        self._missing_since = self.loop.time()
        self._listener.incomplete[self] = None

    def _request_complete(self) -> None:
        self._missing = None
        self._request_begun = False
        self._listener.incomplete.pop(self, None)

    def _stop_parsing(self, status: int, text: str) -> None:
        self._refusal = status, text
        raise httptools.HttpParserError(text)

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser or `_stop_parsing` rejected."""
        self._refuse(*(self._refusal or (400, msg)))

    def _refuse(self, status: int, text: str, *, at_once: bool = False) -> None:
        """Read nothing more, answer the incomplete request with an error, and close the connection.

        Args:
            status: HTTP status.
            text: The error.
            at_once: Whether to close the connection before the client has read the answer.
        """
        self._refusal = status, text
        self._unparsed.clear()
        cycle, begun = self.cycle, self._request_begun
        reading_body = self._missing == "body" and not self.pipeline
        self._request_complete()
        if cycle is not None and not cycle.response_complete:
            if not reading_body or cycle.response_started:
                return  # the earlier requests get their answers first
            # end the application, which waits for the rest of the body
            cycle.disconnected = True
            cycle.message_event.set()
        elif reading_body or (not begun and status != 400):
            # the request was answered before its body had arrived, or there is no request
            self.transport.close()
            return
        self._send_refusal(at_once=at_once)

    def _send_refusal(self, *, at_once: bool = False) -> None:
        self._unset_keepalive_if_required()
        if self._refusal is not None and not self.transport.is_closing():
            self.transport.write(_error_answer(*self._refusal))
        if at_once or self.transport.is_closing():
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self._listener.close_soon(self)


def _error_answer(status: int, text: str) -> bytes:
    body = json.dumps({"error": text}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
