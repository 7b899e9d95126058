"""Frames between engine and worker: two lengths, a JSON object, and an attachment of bytes.

Python's JSON can have NaN, infinities, integers of any size and lone surrogates, as plugins do. The engine never
unpickles data of a worker: pickles are attachments that it only stores.
"""

from __future__ import annotations

import json
import struct
from typing import Any

Message = dict[str, Any]
"""The JSON object of a frame; ``op`` is its kind."""

LENGTHS = struct.Struct(">II")
"""Byte lengths of the JSON text and of the attachment."""

LANE = struct.Struct(">I")
"""Number of a lane. With a descriptor it requests a new lane, without one it interrupts the lane."""

MAX_LENGTH = 1 << 30
"""Most bytes of a JSON text or attachment; a greater length is invalid."""


def pack(message: Message, attachment: bytes = b"") -> bytes:
    """Make a frame.

    Args:
        message: A JSON object.
        attachment: Bytes after the object.

    Raises:
        ValueError: The object or the attachment is too long.
        TypeError: The object cannot be written as JSON.
    """
    text = json.dumps(message).encode("ascii")
    if max(len(text), len(attachment)) > MAX_LENGTH:
        raise ValueError("more data than a plugin can exchange with the server at once")
    return b"".join((LENGTHS.pack(len(text), len(attachment)), text, attachment))
