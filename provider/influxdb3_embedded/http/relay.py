"""Relays HTTP/2 connections to the Flight server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from influxdb3_embedded.flight import FlightGateway
    from influxdb3_embedded.http.listener import Listener

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What each HTTP/2 connection begins with."""

_SECONDS_TO_READ = 30.0
"""Time within which a client must read at least a part of what waits for it."""

_SECONDS_AFTER_QUERY = 10.0
_SECONDS_SILENT = 600.0
_TOO_MANY = b"too many connections"
_REFUSAL = (
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # SETTINGS, empty
    + (8 + len(_TOO_MANY)).to_bytes(3, "big")
    + b"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b"  # GOAWAY, ENHANCE_YOUR_CALM
    + _TOO_MANY
)

_log = logging.getLogger(__name__)


class Relays:
    """The HTTP/2 connections.

    Args:
        gateway: Connects to the Flight server.
        listener: Counts the connections.
        query_time_limit: Seconds that a query may take. A connection where nothing happens for longer is idle.
    """

    def __init__(self, gateway: FlightGateway, listener: Listener, query_time_limit: float) -> None:
        self.gateway = gateway
        self.listener = listener
        self.seconds_idle = query_time_limit + _SECONDS_AFTER_QUERY
        self.open: set[Relay] = set()

    def take_over(self, transport: asyncio.Transport, received: bytes) -> None:
        """Relay a connection.

        Args:
            transport: The client's connection.
            received: What the client has sent; begins with `PREFACE`.
        """
        if len(self.open) >= self.listener.max_relays:
            transport.write(_REFUSAL)
            transport.close()
            return
        relay = Relay(self, transport, received)
        transport.set_protocol(relay)
        relay.connection_made(transport)

    async def stop(self, seconds: float) -> None:
        """Stop the Flight server, and close all connections.

        Args:
            seconds: Time in which calls may end.
        """
        await self.gateway.stop(seconds)
        for relay in list(self.open):
            relay.abort()


class _Side(asyncio.Protocol):
    """One of the two connections that are relayed. What arrives here is written to the other connection."""

    transport: asyncio.Transport
    other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close() if exc is None else self.other.transport.abort()


class Relay(_Side):
    """A client's HTTP/2 connection.

    Args:
        relays: All HTTP/2 connections.
        transport: The client's connection.
        received: What the client has sent.
    """

    def __init__(self, relays: Relays, transport: asyncio.Transport, received: bytes) -> None:
        self.transport = transport
        self._relays = relays
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._unread = 0
        self._unread_since: float | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing has happened for longer than a query may take."""
        return self._loop.time() - self._active_at > self._relays.seconds_idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, and connect to the server."""
        super().connection_made(transport)
        self._relays.open.add(self)
        self._relays.listener.open.add(self)
        self.transport.pause_reading()
        self._connecting = self._loop.create_task(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the connection to the server as well."""
        self._relays.open.discard(self)
        self._relays.listener.open.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Close the connection, to make room for another one."""
        self.abort()

    def abort(self) -> None:
        """Close the connection at once; unsent data is lost."""
        self.transport.abort()

    def check_time_limits(self, now: float) -> None:
        """Close the connection if the client does not read what waits for it, or nothing happens for ten minutes.

        Args:
            now: Time of the event loop, in seconds.
        """
        if now - self._active_at > max(_SECONDS_SILENT, self._relays.seconds_idle):
            self.abort()
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread or self._unread_since is None:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > _SECONDS_TO_READ:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Send the client's data to the server."""
        self._active_at = self._loop.time()
        super().data_received(data)

    def note_answer(self) -> None:
        """Note that the server has sent something."""
        self._active_at = self._loop.time()

    async def _connect(self) -> None:
        try:
            server = await self._relays.gateway.connect(lambda: _ServerSide(self))
        except Exception:  # noqa: BLE001 - whatever it is, the client must not wait
            _log.exception("Flight cannot be served")
            self.abort()
            return
        if self.transport.is_closing():
            server.transport.abort()
            return
        self.other = server
        server.transport.write(self._received)
        self._received = b""
        self.transport.resume_reading()


class _ServerSide(_Side):
    def __init__(self, client: Relay) -> None:
        self.other = client
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.note_answer()
        self._client.transport.write(data)
