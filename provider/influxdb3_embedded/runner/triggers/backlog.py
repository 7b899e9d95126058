"""What was written to one database and its triggers have still to see: the newest in memory, the rest in the log."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import Flush, TableBatch
    from influxdb3_embedded.runner.triggers.write_log import WriteLog

_MAX_FLUSHES = 60
"""Flushes in memory, the length of the server's queue. Where that blocks writes when it is full (contract 4.6), here a
trigger that is further behind reads from the log, many flushes a call: a slow plugin gets fewer, larger calls."""

_MAX_ROWS = 50_000
"""Rows in memory; the newest flush is kept whatever its size."""

_ROWS_A_CALL = 10_000
"""Rows from the log after which a call has enough."""


class Backlog:
    """The flushes of a database, shared by its triggers; what a plugin that hangs has to see costs no memory.

    Args:
        database: The database.
        log: The log that its flushes come from.
        last: The sequence of the last flush before those that will be added.

    Attributes:
        last: The sequence of the newest flush.
    """

    def __init__(self, database: str, log: WriteLog, last: int) -> None:
        self.last = last
        self._database = database
        self._log = log
        self._recent: list[Flush] = []
        self._rows = 0
        self._complete_after = last  # later flushes are in memory, all of them

    def add(self, flush: Flush) -> None:
        """Add the newest flush."""
        self.last = flush.sequence
        self._recent.append(flush)
        self._rows += _count(flush)
        while len(self._recent) > _MAX_FLUSHES or (self._rows > _MAX_ROWS and len(self._recent) > 1):
            self._drop_oldest()

    def trim(self, position: int) -> None:
        """Drop from memory what all triggers have seen.

        Args:
            position: The sequence up to which they have.
        """
        while self._recent and self._recent[0].sequence <= position:
            self._drop_oldest()

    async def next(self, after: int, table: str | None, last: int | None = None) -> tuple[int, Sequence[TableBatch]]:
        """What a trigger is to see next.

        Args:
            after: The sequence up to which it has seen them, less than the last.
            table: The one table it wants; ``None`` for all.
            last: The last sequence that it is to see at all, for a trigger that is to see the rest at once.

        Returns:
            The sequence up to which it will then have seen them, and their batches; none where nothing is for it.

        Raises:
            WriteLogUnreadable: The log cannot be read now.
        """
        if last is not None:
            return await asyncio.to_thread(self._read, after, last, table)
        if after < self._complete_after:
            return await asyncio.to_thread(self._read, after, self._complete_after, table)
        flush = self._recent[bisect_right(self._recent, after, key=lambda flush: flush.sequence)]
        return flush.sequence, [batch for batch in flush.batches if table in (None, batch.table_name)]

    def _read(self, after: int, through: int, table: str | None) -> tuple[int, Sequence[TableBatch]]:
        batches: list[TableBatch] = []
        rows = 0
        flushes = self._log.read(self._database, after=after, through=through, table=table)
        for flush in flushes:
            batches += flush.batches
            rows += _count(flush)
            if rows >= _ROWS_A_CALL:
                return flush.sequence, batches
        return through, batches

    def _drop_oldest(self) -> None:
        oldest = self._recent.pop(0)
        self._rows -= _count(oldest)
        self._complete_after = oldest.sequence


def _count(flush: Flush) -> int:
    return sum(len(batch.rows) for batch in flush.batches)
