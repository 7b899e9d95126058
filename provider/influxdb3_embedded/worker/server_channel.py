"""A worker's end of the socket to the server."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

from .frames import LENGTHS, Message, pack

if TYPE_CHECKING:
    import socket

_NO_RUN = "influxdb3_local cannot be used after the plugin's function has returned"
_FORKED = "influxdb3_local cannot be used in a process that the plugin forked"


class ServerChannel:
    """Sends frames to the server and receives its answers.

    `receive` and `send` are for the session. `tell` and `ask` are for plugins, whose threads may share them while a
    run lasts: afterwards the next frame to arrive is the session's. A process that a plugin forks does not inherit
    the channel, for two processes on one socket would mix up their frames.

    Args:
        connection: The socket; blocking.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._lock = threading.RLock()
        self._refusal: str | None = _NO_RUN
        self.is_foreign = False
        os.register_at_fork(after_in_child=self._disown)

    def receive(self) -> tuple[Message, bytes]:
        """Wait for the server's next frame.

        Raises:
            EOFError: The server has gone.
        """
        message_length, attachment_length = LENGTHS.unpack(self._read(LENGTHS.size))
        message: Message = json.loads(self._read(message_length))
        return message, self._read(attachment_length)

    def send(self, message: Message, attachment: bytes = b"") -> None:
        """Send a frame.

        Raises:
            OSError: The server has gone.
            ValueError: It is longer than a frame can be.
        """
        self._connection.sendall(pack(message, attachment))

    def begin_run(self) -> None:
        """Let plugins use the channel."""
        self._refusal = None

    def end_run(self) -> None:
        """Keep plugins from using the channel; waits for a thread that is waiting for its answer."""
        with self._lock:
            if not self.is_foreign:
                self._refusal = _NO_RUN

    def tell(self, message: Message) -> None:
        """Send a plugin's frame that has no answer.

        Raises:
            RuntimeError: The run is over, or this is a process that the plugin forked.
        """
        with self._lock:
            if self._refusal is not None:
                raise RuntimeError(self._refusal)
            self.send(message)

    def ask(self, message: Message, attachment: bytes = b"") -> tuple[Message, bytes]:
        """Send a plugin's frame and wait for its answer.

        Raises:
            RuntimeError: The run is over, or this is a process that the plugin forked.
            EOFError: The server has gone.
        """
        with self._lock:
            if self._refusal is not None:
                raise RuntimeError(self._refusal)
            self.send(message, attachment)
            return self.receive()

    def _read(self, length: int) -> bytes:
        data = self._reader.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def _disown(self) -> None:
        self.is_foreign = True
        self._refusal = _FORKED
        # Another thread may have held the lock at the moment of the fork; it does not exist here.
        self._lock = threading.RLock()
        if (descriptor := self._connection.detach()) >= 0:
            os.close(descriptor)

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._connection.close()
