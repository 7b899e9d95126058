"""Messages between the engine and a query process: a JSON object, bytes, and at most one file descriptor."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from typing import Any, NamedTuple

TABLES, SYSTEM = "iox", "system"
"""The schemas: tables of the database, system tables."""

ROWS = "rows"
"""The output for plugins, besides those of `Format`: a JSON list of rows."""

ARROW, SCHEMA = "arrow", "schema"
"""The outputs for Flight: an Arrow stream in an unnamed file; the columns of the result, without running the query."""

TICK = bytes([signal.SIGPROF])
"""What a query process writes to its report each time the query has used more processor time."""

_LENGTHS = struct.Struct(">IQ")
"""Byte lengths of the JSON text and of the attachment."""

_PIECE = 1 << 20


class Message(NamedTuple):
    """A message.

    Attributes:
        content: The JSON object. Its ``op`` is the kind of message.
        attachment: Bytes sent with the object.
        descriptor: An open file sent with the object, or None. The receiver closes it.
    """

    content: dict[str, Any]
    attachment: bytes = b""
    descriptor: int | None = None


class Channel:
    """One end of the socket. Not thread-safe.

    Args:
        connection: The socket. `close` closes it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        """The descriptor of the socket, for ``poll``."""
        return self._connection.fileno()

    def send(
        self, content: dict[str, Any], attachment: bytes | memoryview = b"", descriptor: int | None = None
    ) -> None:
        """Send a message.

        Args:
            content: The JSON object.
            attachment: Bytes to send with it.
            descriptor: An open file to send with it. The sender's descriptor stays open.

        Raises:
            OSError: The other end is closed.
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
            EOFError: The other end is closed.
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
        """Close the socket."""
        self._connection.close()
