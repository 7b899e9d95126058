"""The engine's log table: the last rows that triggers and the engine wrote about them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from enum import StrEnum
from typing import NamedTuple

from influxdb3_embedded.runner.safe_texts import printable

CAPACITY = 10_000
"""Rows kept for the whole server (contract 7.2)."""


class LogLevel(StrEnum):
    """The levels a row can have."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class LogRow(NamedTuple):
    """A row of ``system.processing_engine_logs`` (contract 7.2).

    Attributes:
        sequence: Position among all rows ever written; grows by one.
        time_ns: Nanoseconds since the epoch; grows from row to row, so that ordering by it keeps the order.
        trigger_name: The trigger that the row is about.
        level: How bad it is.
        text: What was said.
    """

    sequence: int
    time_ns: int
    trigger_name: str
    level: LogLevel
    text: str


class LogBook:
    """A ring of the newest rows. Used from one event loop.

    Args:
        capacity: Rows kept; older ones are forgotten.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._rows: deque[LogRow] = deque(maxlen=capacity)
        self._next_sequence = 1
        self._last_time_ns = 0
        self._arrival: asyncio.Event | None = None

    def append(self, trigger_name: str, level: LogLevel, text: str, time_ns: int | None = None) -> None:
        """Add a row.

        Args:
            trigger_name: The trigger that the row is about.
            level: How bad it is.
            text: What happened. Lone surrogates, which no table column can hold, become U+FFFD.
            time_ns: When it happened, nanoseconds since the epoch; now if left out.
        """
        # Two rows of one nanosecond, or of two processes that overtook each other, would lose their order in SQL.
        self._last_time_ns = max(time.time_ns() if time_ns is None else time_ns, self._last_time_ns + 1)
        row = LogRow(self._next_sequence, self._last_time_ns, trigger_name, level, printable(text))
        self._next_sequence += 1
        self._rows.append(row)
        if self._arrival is not None:
            self._arrival.set()
            self._arrival = None

    def rows(self, after: int = 0) -> list[LogRow]:
        """Return the rows that are kept, oldest first.

        Args:
            after: Only rows with a greater sequence.
        """
        if after == 0:
            return list(self._rows)
        return [row for row in self._rows if row.sequence > after]

    async def wait(self, after: int) -> list[LogRow]:
        """Wait until there are rows beyond a sequence, and return them: the way to follow the log.

        Args:
            after: The last sequence already seen; 0 for none.
        """
        while self._next_sequence <= after + 1:
            if self._arrival is None:
                self._arrival = asyncio.Event()
            await self._arrival.wait()
        return self.rows(after)
