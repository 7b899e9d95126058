"""The engine's log table: the newest rows of plugins, and of the engine about triggers."""

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
    """Levels of rows."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class LogRow(NamedTuple):
    """A row of ``system.processing_engine_logs`` (contract 7.2).

    Attributes:
        sequence: Position among all rows ever written; grows by one.
        time_ns: Nanoseconds since the epoch; grows from row to row, so that rows can be ordered by time.
        trigger_name: The trigger that the row is about.
        level: Severity.
        text: The message.
    """

    sequence: int
    time_ns: int
    trigger_name: str
    level: LogLevel
    text: str


class LogBook:
    """Keeps the newest rows. All calls come from one event loop.

    Args:
        capacity: Number of rows that are kept.
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
            level: Severity.
            text: The message. Lone surrogates become U+FFFD, since no table column can hold them.
            time_ns: Time of the event in nanoseconds since the epoch. Default: now.
        """
        # SQL orders rows by time: two rows must not have the same time, or times in the wrong order.
        self._last_time_ns = max(time.time_ns() if time_ns is None else time_ns, self._last_time_ns + 1)
        row = LogRow(self._next_sequence, self._last_time_ns, trigger_name, level, printable(text))
        self._next_sequence += 1
        self._rows.append(row)
        if self._arrival is not None:
            self._arrival.set()
            self._arrival = None

    def rows(self, after: int = 0) -> list[LogRow]:
        """Return the kept rows with a sequence greater than ``after``, oldest first."""
        if after == 0:
            return list(self._rows)
        return [row for row in self._rows if row.sequence > after]

    async def wait(self, after: int) -> list[LogRow]:
        """Wait for rows with a sequence greater than ``after``, and return them."""
        while self._next_sequence <= after + 1:
            if self._arrival is None:
                self._arrival = asyncio.Event()
            await self._arrival.wait()
        return self.rows(after)
