"""What the runner needs from the write-ahead log to bring every write to its triggers, once and across crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping

    from influxdb3_embedded.model import Flush, TriggerKey


class WriteLogUnreadable(Exception):
    """The log could not be read now; the text says why."""


class WriteLog(Protocol):
    """The log that flushes come from, and that keeps how far each trigger has come."""

    @property
    def last(self) -> int:
        """The sequence of the newest write that was accepted; it may not have been delivered yet."""
        ...

    def read(self, database: str, *, after: int, through: int, table: str | None) -> Iterator[Flush]:
        """Read flushes again, in their order; called, used up and closed in a thread.

        Args:
            database: The database; what does not exist has no flushes.
            after: The sequence before the first wanted.
            through: The last wanted.
            table: The one table wanted; ``None`` for all.

        Raises:
            WriteLogUnreadable: It cannot be read now.
        """
        ...

    def keep_after(self, sequence: int | None) -> None:
        """Keep what was written after a sequence; ``None`` where nobody wants to read anything again."""
        ...

    def positions(self) -> Mapping[TriggerKey, int]:
        """The positions that the last process stored."""
        ...

    def store_positions(self, positions: Mapping[TriggerKey, int | None]) -> asyncio.Future[None]:
        """Store positions, before any write that is accepted later.

        Args:
            positions: Sequences up to which triggers have seen the writes; ``None`` forgets a trigger.

        Returns:
            Done when they are durable and what was accepted before has been delivered, with an exception when they
            cannot be stored.
        """
        ...
