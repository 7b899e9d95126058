"""Accepts connections; when there are too many, the one that has waited longest gives way."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_SECONDS_TO_READ_REFUSAL = 2.0
"""How long a refused connection stays open, so that its client can read the reason."""

_SECONDS_BETWEEN_CHECKS = 0.5
_SECONDS_WITHOUT_ACCEPTING = 0.1
_MAX_CONNECTIONS = 4_096
_RELAYS_SHARE = 4
_MAX_REFUSED = 64
_MAX_ACCEPTED_AT_ONCE = 32

_log = logging.getLogger(__name__)


class OpenConnection(Protocol):
    """The part of a connection that the listener uses."""

    @property
    def idle(self) -> bool:
        """Whether the connection can be closed without loss: no request is incomplete or being answered."""
        ...

    def give_way(self) -> None:
        """Close the connection, to make room for another one."""
        ...

    def abort(self) -> None:
        """Close the connection at once; unsent data is lost."""
        ...

    def check_time_limits(self, now: float) -> None:
        """Refuse a request or close a connection that has reached a time limit.

        Args:
            now: Time of the event loop, in seconds.
        """
        ...


class Listener:
    """Accepts connections, and limits their number.

    Connections get three quarters of the process's file descriptors. The rest is for files and plugins. If all
    connections are taken, a new one replaces the connection whose request has been incomplete for longest, or else an
    idle connection.

    Args:
        listening: The socket that clients connect to.
        make_protocol: Makes the protocol of a connection.

    Attributes:
        open: All connections.
        max_relays: Largest number of HTTP/2 connections. Each needs three file descriptors.
        incomplete: Connections whose current request is incomplete, the oldest first.
        refused: Connections that stay open only until the client has read the refusal, the oldest first.
    """

    def __init__(self, listening: socket.socket, make_protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._listening = listening
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        share = descriptors - descriptors // 4 if descriptors > 0 else _MAX_CONNECTIONS
        self._max_connections = min(share, _MAX_CONNECTIONS)
        self.max_relays = max(1, self._max_connections // _RELAYS_SHARE)
        self._accepted: set[asyncio.Task[Any]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._checking: asyncio.Task[None] | None = None
        self.open: set[OpenConnection] = set()
        self.incomplete: dict[OpenConnection, None] = {}
        self.refused: dict[OpenConnection, None] = {}

    def start(self) -> None:
        """Start to accept connections."""
        self._loop.add_reader(self._listening, self._accept)
        self._checking = self._loop.create_task(self._check_forever())

    def stop(self) -> None:
        """Accept no more connections; open ones stay."""
        self._loop.remove_reader(self._listening)
        if self._resuming is not None:
            self._resuming.cancel()
        if self._checking is not None:
            self._checking.cancel()

    def admits(self) -> bool:
        """Whether there is room for one more connection; makes room if necessary and possible."""
        return len(self.open) - len(self.refused) < self._max_connections or self._make_room()

    def close_soon(self, connection: OpenConnection) -> None:
        """Close a refused connection after two seconds; the oldest one at once if there are many.

        Args:
            connection: The connection.
        """
        if len(self.refused) >= _MAX_REFUSED:
            next(iter(self.refused)).abort()
        self.refused[connection] = None
        self._loop.call_later(_SECONDS_TO_READ_REFUSAL, connection.abort)

    def _accept(self) -> None:
        for _ in range(_MAX_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._pause_accepting(error)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make_protocol, accepted))
            self._accepted.add(task)
            task.add_done_callback(self._accepted.discard)

    def _pause_accepting(self, error: OSError) -> None:
        """Accept nothing for a moment: files and plugins use more file descriptors than their share."""
        _log.warning("new connections wait: %s", error)
        self._make_room()
        self._loop.remove_reader(self._listening)
        self._resuming = self._loop.call_later(
            _SECONDS_WITHOUT_ACCEPTING, self._loop.add_reader, self._listening, self._accept
        )

    def _make_room(self) -> bool:
        connection = next(iter(self.incomplete), None) or next((each for each in self.open if each.idle), None)
        if connection is not None:
            connection.give_way()
        return connection is not None

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            now = self._loop.time()
            for connection in list(self.open):
                connection.check_time_limits(now)
