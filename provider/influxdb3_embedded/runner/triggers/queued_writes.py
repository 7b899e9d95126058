"""The writes that a run has queued. They arrive in pieces, and are put together beside the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.worker.frames import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    def databases(self) -> list[str]:
        """Return the databases in the order of their first writes."""
        return list(self._writes)

    async def lines(self, database: str) -> bytes:
        """Return the lines of all writes to a database."""
        return await joined(self._writes[database].pieces)

    def texts(self, database: str) -> list[str]:
        """Return the text of each write to a database. Call it beside the event loop."""
        writes = self._writes[database]
        data = b"".join(writes.pieces)
        texts, position = [], 0
        for length in writes.lengths:
            texts.append(data[position : position + length].decode(errors="replace"))
            position += length + 1
        return texts


async def joined(pieces: Sequence[bytes]) -> bytes:
    """Join pieces, beside the event loop if there are many: Python can run other threads meanwhile."""
    if len(pieces) <= 1:
        return pieces[0] if pieces else b""
    return await asyncio.to_thread(b"".join, pieces)
