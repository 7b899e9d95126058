"""What the runner needs from the write-ahead log: triggers see every write once, also after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping

    from influxdb3_embedded.model import Flush, TriggerKey


class WriteLogUnreadable(Exception):
    """The log cannot be read now; the text says why."""


class WriteLog(Protocol):
    """Has the flushes, and stores the positions of triggers."""

    @property
    def last(self) -> int:
        """The sequence of the newest accepted write; that write may not be delivered yet."""
        ...

    def read(self, database: str, *, after: int, through: int, table: str | None) -> Iterator[Flush]:
        """Read earlier flushes in order. One thread, not the event loop's, calls, exhausts and closes the iterator.

        Args:
            database: The database; there are no flushes if it does not exist.
            after: Only flushes with a greater sequence.
            through: The last sequence.
            table: Only this table; None for all.

        Raises:
            WriteLogUnreadable: The log cannot be read now.
        """
        ...

    def keep_after(self, sequence: int | None) -> None:
        """Keep the writes after a sequence; None keeps no writes."""
        ...

    def positions(self) -> Mapping[TriggerKey, int]:
        """The positions that the last process stored."""
        ...

    def store_positions(self, positions: Mapping[TriggerKey, int | None]) -> asyncio.Future[None]:
        """Store positions before later writes are accepted.

        Args:
            positions: The last sequence that each trigger has seen; None forgets the trigger.

        Returns:
            Done when the positions are durable and all writes that were accepted earlier have been delivered. Has an
            exception if the positions cannot be stored.
        """
        ...
