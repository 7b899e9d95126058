"""The worker's end of the socket to the engine."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

from .frames import LENGTHS, MAX_WORKER_MESSAGE_LENGTH, PART, Message, pack, split

if TYPE_CHECKING:
    import socket

_NO_RUN = "influxdb3_local cannot be used after the plugin's function has returned"
_FORKED = "influxdb3_local cannot be used in a process that the plugin forked"


class ServerChannel:
    """Sends frames to the engine and receives its answers.

    The session calls `receive` and `send`. Plugins call `tell` and `ask`, in any thread, but only during a run: after
    it the next frame is the session's. A process that a plugin forks cannot use the channel: two processes on one
    socket would mix up their frames.

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
        """Wait for the engine's next message.

        Raises:
            EOFError: The engine has closed the socket.
        """
        parts: list[bytes] = []
        while True:
            message_length, attachment_length = LENGTHS.unpack(self._read(LENGTHS.size))
            message: Message = json.loads(self._read(message_length))
            parts.append(self._read(attachment_length))
            if message != PART:
                return message, b"".join(parts)

    def send(self, message: Message, attachment: bytes = b"") -> None:
        """Send a message.

        Raises:
            OSError: The engine has closed the socket.
            TooLong: The message or the attachment is too long. Nothing was sent.
        """
        *parts, last = split(attachment)
        frame = pack(message, last, max_length=MAX_WORKER_MESSAGE_LENGTH)
        for part in parts:
            self._connection.sendall(pack(PART, part))
        self._connection.sendall(frame)

    def begin_run(self) -> None:
        """Allow plugins to use the channel."""
        self._refusal = None

    def end_run(self) -> None:
        """Forbid plugins to use the channel. Waits for a thread that waits for an answer."""
        with self._lock:
            if not self.is_foreign:
                self._refusal = _NO_RUN

    def tell(self, message: Message) -> None:
        """Send a plugin's frame that has no answer.

        Raises:
            RuntimeError: The run has ended, or the plugin has forked this process.
        """
        with self._lock:
            if self._refusal is not None:
                raise RuntimeError(self._refusal)
            self.send(message)

    def ask(self, message: Message, attachment: bytes = b"") -> tuple[Message, bytes]:
        """Send a plugin's frame and wait for its answer.

        Raises:
            RuntimeError: The run has ended, or the plugin has forked this process.
            EOFError: The engine has closed the socket.
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
        # Another thread, which does not exist here, may have had the lock at the moment of the fork.
        self._lock = threading.RLock()
        if (descriptor := self._connection.detach()) >= 0:
            os.close(descriptor)

    def close(self) -> None:
        """Close the socket."""
        self._reader.close()
        self._connection.close()
