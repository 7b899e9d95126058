"""Flushes of one database that triggers have not seen: the newest in memory, older ones in the log."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import Flush, TableBatch
    from influxdb3_embedded.runner.triggers.write_log import WriteLog

_MAX_FLUSHES = 60
"""Flushes in memory, as many as in the real server's queue.

A full queue of the real server blocks writes (contract 4.6). Here a trigger that is further behind reads many flushes
a call from the log, so that a slow plugin gets fewer, larger calls.
"""

_MAX_ROWS = 50_000
"""Rows in memory; the newest flush is kept whatever its size is."""

_ROWS_A_CALL = 10_000
"""A call gets whole flushes from the log until it has this many rows."""


class Backlog:
    """The flushes of a database, shared by its triggers. Memory is bounded, also if a plugin hangs.

    Args:
        database: The database.
        log: The log that has older flushes.
        last: The sequence of the last flush before the first call of `add`.

    Attributes:
        last: The sequence of the newest flush.
    """

    def __init__(self, database: str, log: WriteLog, last: int) -> None:
        self.last = last
        self._database = database
        self._log = log
        self._recent: list[Flush] = []
        self._rows = 0
        self._complete_after = last  # all later flushes are in memory

    def add(self, flush: Flush) -> None:
        """Add the newest flush."""
        self.last = flush.sequence
        self._recent.append(flush)
        self._rows += _count(flush)
        while len(self._recent) > _MAX_FLUSHES or (self._rows > _MAX_ROWS and len(self._recent) > 1):
            self._drop_oldest()

    def trim(self, position: int) -> None:
        """Drop flushes up to a sequence from memory: all triggers have seen them."""
        while self._recent and self._recent[0].sequence <= position:
            self._drop_oldest()

    async def next(self, after: int, table: str | None, last: int | None = None) -> tuple[int, Sequence[TableBatch]]:
        """Return the next rows for a trigger.

        Args:
            after: The trigger's position, less than `last`.
            table: The table that the trigger is for; None for all.
            last: The trigger's final position, for a trigger that gets the rest in one call.

        Returns:
            The trigger's next position, and the batches up to there; empty if they are for other tables.

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
