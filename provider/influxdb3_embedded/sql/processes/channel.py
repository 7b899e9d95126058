"""Messages between the engine and a process that runs SQL: a JSON object, bytes, and at most one descriptor."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from typing import Any, NamedTuple

TABLES, SYSTEM = "iox", "system"
"""The schemas of tables."""

ARROW, ROWS = "arrow", "rows"
"""Outputs of a query besides those of `Format`: a stream of Arrow, and what a plugin gets as a JSON list."""

TICK = bytes([signal.SIGPROF])
"""What the report of a process has each time that a query has taken so much processor time."""

_LENGTHS = struct.Struct(">IQ")
"""Byte lengths of the JSON text and of the attachment."""

_PIECE = 1 << 20


class Message(NamedTuple):
    """A message.

    Attributes:
        content: The JSON object; ``op`` says what it is.
        attachment: Bytes that go with it.
        descriptor: An open file that goes with it, to be closed by the receiver; None if there is none.
    """

    content: dict[str, Any]
    attachment: bytes = b""
    descriptor: int | None = None


class Channel:
    """One end of the socket, which one thread uses at a time.

    Args:
        connection: The socket; closed by `close`.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        """The descriptor, to wait for a message with."""
        return self._connection.fileno()

    def send(
        self, content: dict[str, Any], attachment: bytes | memoryview = b"", descriptor: int | None = None
    ) -> None:
        """Send a message.

        Args:
            content: The JSON object.
            attachment: Bytes that go with it.
            descriptor: An open file that goes with it; it stays open here.

        Raises:
            OSError: The other end has gone.
        """
        text = json.dumps(content).encode("ascii")
        head = _LENGTHS.pack(len(text), len(attachment)) + text
        sent = socket.send_fds(self._connection, [head], [] if descriptor is None else [descriptor])
        self._connection.sendall(memoryview(head)[sent:])
        if attachment:
            self._connection.sendall(attachment)

    def receive(self) -> Message:
        """Wait for a message.

        Raises:
            EOFError: The other end has gone.
        """
        lengths, descriptors, _, _ = socket.recv_fds(self._connection, _LENGTHS.size, 1)
        descriptor = descriptors[0] if descriptors else None
        try:
            text, attachment = _LENGTHS.unpack(lengths + self._read(_LENGTHS.size - len(lengths), ended=not lengths))
            return Message(json.loads(self._read(text)), self._read(attachment), descriptor)
        except BaseException:
            if descriptor is not None:
                os.close(descriptor)
            raise

    def _read(self, length: int, *, ended: bool = False) -> bytes:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            if ended or not (count := self._connection.recv_into(view[:_PIECE])):
                raise EOFError
            view = view[count:]
        return bytes(data)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
