"""How many clients there may be, and who gives way where there are more: nobody is shut out by others that wait."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from influxdb3_embedded.http.connection import Connection

_SECONDS_TO_LEAVE = 2.0
"""How long what a refused client still sends is thrown away, so that it comes to read why."""

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_WAIT = 0.1
_MOST_CONNECTIONS = 4_096
_MOST_LEAVING = 64
_ACCEPTED_AT_ONCE = 32

_log = logging.getLogger(__name__)


class Connections:
    """The connections of a server.

    A quarter of the file descriptors of the process is left for files and for plugins. Where the others are taken,
    a new connection takes the place of the one that has owed the rest of its request for longest, then of an idle one.

    Args:
        listening: The socket that clients connect to.
        make: Makes the protocol of a connection.
    """

    def __init__(self, listening: socket.socket, make: Callable[[], Connection]) -> None:
        self._listening = listening
        self._make = make
        self._loop = asyncio.get_running_loop()
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        share = descriptors - descriptors // 4 if descriptors > 0 else _MOST_CONNECTIONS
        self._most = min(share, _MOST_CONNECTIONS)
        self._accepted: set[asyncio.Task[Any]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self.open: set[Connection] = set()
        self.owing: dict[Connection, None] = {}
        self.leaving: dict[Connection, None] = {}

    def start(self) -> None:
        """Accept connections."""
        self._loop.add_reader(self._listening, self._accept)
        self._looking = self._loop.create_task(self._look_forever())

    def stop(self) -> None:
        """Accept no more; those that there are go on."""
        self._loop.remove_reader(self._listening)
        if self._again is not None:
            self._again.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._wait(error)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, accepted))
            self._accepted.add(task)
            task.add_done_callback(self._accepted.discard)

    def _wait(self, error: OSError) -> None:
        """Others have taken the descriptors that were left for them, and more."""
        _log.warning("new connections wait: %s", error)
        self._make_room()
        self._loop.remove_reader(self._listening)
        self._again = self._loop.call_later(_SECONDS_TO_WAIT, self._loop.add_reader, self._listening, self._accept)

    def full(self) -> bool:
        """Whether there is no place for one more connection, although it was looked for one."""
        return len(self.open) - len(self.leaving) >= self._most and not self._make_room()

    def _make_room(self) -> bool:
        victim = next(iter(self.owing), None) or next((each for each in self.open if each.idle), None)
        if victim is not None:
            victim.give_way()
        return victim is not None

    def leave(self, connection: Connection) -> None:
        """Give a refused client time to read its answer, unless many have been refused."""
        if len(self.leaving) >= _MOST_LEAVING:
            next(iter(self.leaving)).abort()
        self.leaving[connection] = None
        self._loop.call_later(_SECONDS_TO_LEAVE, connection.abort)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            now = self._loop.time()
            for connection in list(self.open):
                connection.look(now)
