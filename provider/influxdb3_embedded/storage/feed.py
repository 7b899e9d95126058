"""The write-ahead log for those who follow the writes: told of each one, and able to go on after a crash."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.batches import WrittenRows
from influxdb3_embedded.storage.steps import ChangeLog

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from influxdb3_embedded.storage.followers import Follower
    from influxdb3_embedded.storage.log import Log
    from influxdb3_embedded.storage.writer import Writer

    Observer = Callable[[int, int, Sequence[TableBatch]], None]


class _Write(NamedTuple):
    sequence: int
    database_id: int
    batches: Sequence[TableBatch]


class Feed:
    """What was written, in the order of the commits.

    A follower's position is the sequence up to which it has seen its database's writes. Positions are committed by the
    writer in the order of the calls: a position that is stored before a write is accepted is never lost while that
    write is kept.
    """

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        self._log: Log | None = None
        self._writer: Writer | None = None
        self._kept: deque[_Write] = deque()  # what the log would hold, where there is none
        self.kept_after: int | None = None

    def open(self, log: Log | None, writer: Writer) -> None:
        """Begin; what followers of the last process have not seen is kept until they say otherwise.

        Args:
            log: The log; ``None`` keeps in memory what followers have not seen.
            writer: Commits positions.
        """
        self._log = log
        self._writer = writer
        self.kept_after = min(self.positions().values(), default=None)

    def subscribe(self, observer: Observer) -> None:
        """Call somebody with every write: database, sequence in the log, and the rows as plugins see them.

        The call is made on the event loop, in the order of the commits, when the rows can be queried. It must return
        quickly; rows are made when they are first looked at.
        """
        self._observers.append(observer)

    def announce(self, database_id: int, sequence: int, batches: Sequence[TableBatch]) -> None:
        """Tell the observers of a write; on the event loop."""
        if self._log is None and self.kept_after is not None:
            self._kept.append(_Write(sequence, database_id, batches))
        for observer in self._observers:
            observer(database_id, sequence, batches)

    def replay(
        self, database_id: int, *, after: int, through: int | None = None, table: str | None = None
    ) -> Iterator[tuple[int, list[TableBatch]]]:
        """What was written to a database, as far as the log still has it (see `keep_after`).

        It may be called in any thread, and is to be used up or closed in the same one.

        Args:
            database_id: The database.
            after: The sequence before the first wanted.
            through: The last wanted; ``None`` for all.
            table: The one table wanted; ``None`` for all.

        Yields:
            Sequences, each with the rows of its tables as plugins see them.

        Raises:
            sqlite3.Error: The log cannot be read.
        """
        if self._log is None:
            yield from _select(self._kept.copy(), database_id, after, through, table)
            return
        entries = self._log.replay(database_id, after=after, through=through, table_name=table)
        for sequence, parts in groupby(entries, key=lambda entry: entry.sequence):
            yield sequence, [TableBatch(part.table_name, WrittenRows(part.batch)) for part in parts]

    def keep_after(self, sequence: int | None) -> None:
        """Let the log keep what was written after a sequence, for somebody who has not seen it; ``None``: nothing."""
        self.kept_after = sequence
        while self._kept and (sequence is None or self._kept[0].sequence <= sequence):
            self._kept.popleft()

    def positions(self) -> dict[Follower, int]:
        """The stored positions; to be read before the first is stored."""
        return {} if self._log is None else self._log.positions()

    def store_positions(self, positions: Mapping[Follower, int | None]) -> asyncio.Future[None]:
        """Store how far followers are, before any write that is accepted later.

        Args:
            positions: Sequences; ``None`` for a follower that is no more.

        Returns:
            Done when they are committed; raises WriteFailedError when the log refuses them.
        """
        assert self._writer is not None
        changes = dict(positions)
        return self._writer.submit(ChangeLog(lambda log: log.store_positions(changes)))


def _select(
    writes: deque[_Write], database_id: int, after: int, through: int | None, table: str | None
) -> Iterator[tuple[int, list[TableBatch]]]:
    for write in writes:
        if (
            write.database_id == database_id
            and after < write.sequence
            and (through is None or write.sequence <= through)
        ):
            batches = [batch for batch in write.batches if table in (None, batch.table_name)]
            if batches:
                yield write.sequence, batches
