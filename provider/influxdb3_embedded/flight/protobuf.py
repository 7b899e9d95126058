"""Reads and writes Protocol Buffers: the few fields that Flight needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_LENGTHS = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_ANY_PREFIX = "type.googleapis.com/"


class MalformedMessage(ValueError):
    """The bytes are not a message."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field.

    Raises:
        MalformedMessage: The bytes are not a message.
    """
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(message, position)
        elif kind in _FIXED_LENGTHS:
            length = _FIXED_LENGTHS[kind]
        else:
            raise MalformedMessage(f"invalid wire type: {kind}")
        if position + length > len(message):
            raise MalformedMessage("the message ends within a field")
        yield key >> 3, message[position : position + length]
        position += length


def bytes_of(message: bytes, number: int) -> bytes:
    """Return the last value of a field with bytes, or no bytes if the field is missing.

    Raises:
        MalformedMessage: The bytes are not a message.
    """
    found = b""
    for each, value in fields(message):
        if each == number:
            if isinstance(value, int):
                raise MalformedMessage(f"field {number} is a number")
            found = value
    return found


def text_of(message: bytes, number: int) -> str:
    """Return the last value of a field with text, or no text if the field is missing.

    Raises:
        MalformedMessage: The bytes are not a message, or the field is not UTF-8.
    """
    try:
        return bytes_of(message, number).decode()
    except UnicodeDecodeError as error:
        raise MalformedMessage(str(error)) from None


def bytes_field(number: int, value: bytes | str) -> bytes:
    """Write a field with bytes, text or a message."""
    data = value.encode() if isinstance(value, str) else value
    return bytes_head(number, len(data)) + data


def bytes_head(number: int, length: int) -> bytes:
    """Write what comes before the value of a field with bytes."""
    return _varint(number << 3 | _BYTES) + _varint(length)


def int_field(number: int, value: int) -> bytes:
    """Write a field with a number; a negative one as 64 bits."""
    return _varint(number << 3 | _VARINT) + _varint(value % 2**64)


def any_message(name: str, message: bytes) -> bytes:
    """Wrap a message in ``google.protobuf.Any``, which names its type."""
    return bytes_field(1, _ANY_PREFIX + name) + bytes_field(2, message)


def unwrapped(message: bytes) -> tuple[str, bytes]:
    """Return the name of the type, and the message, in a ``google.protobuf.Any``.

    Raises:
        MalformedMessage: The bytes are not a message.
    """
    return text_of(message, 1).removeprefix(_ANY_PREFIX), bytes_of(message, 2)


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise MalformedMessage("invalid varint")


def _varint(value: int) -> bytes:
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
