"""Frames between engine and worker: two lengths, a JSON object, and an attachment of bytes.

Python's JSON can have NaN, infinities, integers of any size and lone surrogates, as plugins do. The engine never
unpickles data of a worker: pickles are attachments that it only stores.

A long attachment goes in several frames, the first ones with the operation ``part``. The other messages of a worker are
short. The engine serves requests between two frames: no frame may take it long.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]
"""The JSON object of a frame; ``op`` is its kind."""

PART: Message = {"op": "part"}
"""The message of a frame with a part of an attachment. The rest of the attachment follows."""

LENGTHS = struct.Struct(">II")
"""Byte lengths of the JSON text and of the attachment."""

LANE = struct.Struct(">I")
"""Number of a lane. With a descriptor it requests a new lane, without one it interrupts the lane."""

MAX_LENGTH = 1 << 30
"""Most bytes of all parts of an attachment, and of a JSON text of the engine."""

MAX_PART_LENGTH = 1 << 16
"""Most bytes of the attachment of one frame."""

MAX_WORKER_MESSAGE_LENGTH = 1 << 20
"""Most bytes of a JSON text of a worker."""


class TooLong(ValueError):
    """A message or an attachment is longer than its limit."""

    def __init__(self) -> None:
        super().__init__("more data than a plugin can exchange with the server at once")


def pack(message: Message, attachment: bytes | memoryview = b"", *, max_length: int = MAX_LENGTH) -> bytes:
    """Make one frame.

    Args:
        message: A JSON object.
        attachment: Bytes after the object.
        max_length: Most bytes of the JSON text.

    Raises:
        TooLong: The JSON text is too long.
        TypeError: The object cannot be written as JSON.
    """
    text = json.dumps(message).encode("ascii")
    if len(text) > max_length:
        raise TooLong
    return b"".join((LENGTHS.pack(len(text), len(attachment)), text, attachment))


def split(attachment: bytes) -> Iterator[memoryview]:
    """Return the parts of an attachment; at least one.

    Raises:
        TooLong: The attachment is too long.
    """
    if len(attachment) > MAX_LENGTH:
        raise TooLong
    for start in range(0, max(len(attachment), 1), MAX_PART_LENGTH):
        yield memoryview(attachment)[start : start + MAX_PART_LENGTH]
