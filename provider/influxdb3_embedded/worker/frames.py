"""The frames that server and worker exchange: two lengths, a JSON object, and bytes that JSON cannot carry.

JSON as Python writes it carries NaN, infinities, integers of any size and lone surrogates, all of which plugins
produce. The server never unpickles what a worker sends: pickles are attachments that it only stores.
"""

from __future__ import annotations

import json
import struct
from typing import Any

Message = dict[str, Any]
"""The JSON object of a frame; ``op`` says what it is."""

LENGTHS = struct.Struct(">II")
"""Byte lengths of the JSON text and of the attachment."""

LANE = struct.Struct(">I")
"""Number of a lane, on the socket of a process whose runs overlap: with a descriptor a new lane, without it an
interrupt."""

MAX_LENGTH = 1 << 30
"""Longest JSON text or attachment; a length beyond it comes from a process that lost its mind."""


def pack(message: Message, attachment: bytes = b"") -> bytes:
    """Make a frame.

    Args:
        message: A JSON object.
        attachment: Bytes that go with it.

    Raises:
        ValueError: It is longer than a frame can be.
        TypeError: The message holds what JSON cannot express.
    """
    text = json.dumps(message).encode("ascii")
    if max(len(text), len(attachment)) > MAX_LENGTH:
        raise ValueError("more data than a plugin can exchange with the server at once")
    return b"".join((LENGTHS.pack(len(text), len(attachment)), text, attachment))
