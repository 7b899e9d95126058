"""The writes that a run has queued. They arrive in pieces, and are put together beside the event loop."""

from __future__ import annotations

import asyncio
import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.worker.frames import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence


_BYTES_DECODED_AT_ONCE = 1_048_576


@dataclass(slots=True)
class _Writes:
    """The writes to a database: the pieces of their texts, with line breaks between the texts, and the lengths."""

    pieces: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)


class QueuedWrites:
    """Queued writes by database.

    Args:
        own_database: The database of writes that name none.
    """

    def __init__(self, own_database: str) -> None:
        self._own_database = own_database
        self._writes: dict[str, _Writes] = {}
        self._length = 0

    def add(self, database: str | None, lengths: Sequence[int], pieces: Sequence[bytes]) -> None:
        """Add writes.

        Args:
            database: The database; None for the own one.
            lengths: The bytes of the text of each write.
            pieces: The texts, with a line break between two texts.

        Raises:
            ValueError: The pieces have another length than the texts, or all writes together are too long.
        """
        length = sum(map(len, pieces))
        self._length += length
        if length != sum(lengths) + len(lengths) - 1 or self._length > 2 * MAX_LENGTH:
            raise ValueError("invalid queued writes")
        writes = self._writes.setdefault(self._own_database if database is None else database, _Writes())
        if writes.lengths:
            writes.pieces.append(b"\n")
        writes.pieces += pieces
        writes.lengths += lengths

    async def take(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield each database, in the order of the first writes, with the lines of all its writes; forget them."""
        for database in list(self._writes):
            await asyncio.sleep(0)  # there may be many databases
            yield database, await joined(self._writes.pop(database).pieces)

    def take_texts(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each database with the text of each write; forget them. Call it beside the event loop."""
        for database in list(self._writes):
            writes = self._writes.pop(database)
            data = memoryview(b"".join(writes.pieces))
            texts, position = [], 0
            for length in writes.lengths:
                texts.append(decoded(data[position : position + length]))
                position += length + 1
            yield database, texts


def decoded(data: bytes | memoryview) -> str:
    """Decode UTF-8 piece by piece, so that Python can run other threads meanwhile."""
    if len(data) <= _BYTES_DECODED_AT_ONCE:
        return str(data, "utf-8", "replace")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    starts = range(0, len(data), _BYTES_DECODED_AT_ONCE)
    return "".join(decoder.decode(data[start : start + _BYTES_DECODED_AT_ONCE]) for start in starts)


async def joined(pieces: Sequence[bytes]) -> bytes:
    """Join pieces, beside the event loop if there are many: Python can run other threads meanwhile."""
    if len(pieces) <= 1:
        return pieces[0] if pieces else b""
    return await asyncio.to_thread(b"".join, pieces)
