"""Tells observers about each write, and replays writes for followers that continue after a crash."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.batches import WrittenRows
from influxdb3_embedded.storage.changes import LogChange

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from influxdb3_embedded.storage.follower import Follower
    from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog
    from influxdb3_embedded.storage.writer import Writer

    Observer = Callable[[int, int, Sequence[TableBatch]], None]


class _Write(NamedTuple):
    sequence: int
    database_id: int
    batches: Sequence[TableBatch]


class WriteFeed:
    """The writes, in the order of the commits.

    A follower's position is a sequence: it has seen the writes to its database up to this one. The writer commits
    positions and writes in the order of the calls. So a crash that keeps a write also keeps the positions that were
    stored before it.
    """

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        self._log: WriteAheadLog | None = None
        self._writer: Writer | None = None
        self._kept: deque[_Write] = deque()  # replaces the log of a storage in memory
        self.kept_after: int | None = None

    def open(self, log: WriteAheadLog | None, writer: Writer) -> None:
        """Begin. The writes that followers of the last process have not seen are kept until `keep_after` is called.

        Args:
            log: The log. None: the feed keeps in memory what followers have not seen.
            writer: Commits positions.
        """
        self._log = log
        self._writer = writer
        self.kept_after = min(self.positions().values(), default=None)

    def subscribe(self, observer: Observer) -> None:
        """Call an observer for every write, with the database, the sequence, and the rows as plugins see them.

        The event loop calls the observer in the order of the commits, as soon as queries see the rows. The observer
        must return quickly.
        """
        self._observers.append(observer)

    def announce(self, database_id: int, sequence: int, batches: Sequence[TableBatch]) -> None:
        """Tell the observers about a write. Call it on the event loop."""
        if self._log is None and self.kept_after is not None:
            self._kept.append(_Write(sequence, database_id, batches))
        for observer in self._observers:
            observer(database_id, sequence, batches)

    def replay(
        self, database_id: int, *, after: int, through: int | None = None, table: str | None = None
    ) -> Iterator[tuple[int, list[TableBatch]]]:
        """Read the writes to a database that the log still has (see `keep_after`).

        Any thread may call it. The same thread must exhaust or close the iterator.

        Args:
            database_id: The database.
            after: Yields writes after this sequence.
            through: Yields writes up to this sequence. None: all.
            table: Yields writes to this table. None: to all tables.

        Yields:
            The sequence of each write, and the rows of its tables as plugins see them.

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
        """Keep the writes after a sequence, for a follower that has not seen them. None: keep none."""
        self.kept_after = sequence
        while self._kept and (sequence is None or self._kept[0].sequence <= sequence):
            self._kept.popleft()

    def positions(self) -> dict[Follower, int]:
        """Return the stored positions. Call it before the first `store_positions`."""
        return {} if self._log is None else self._log.positions()

    def store_positions(self, positions: Mapping[Follower, int | None]) -> asyncio.Future[None]:
        """Store positions of followers, before any write that is accepted later.

        Args:
            positions: Sequence of each follower. None deletes the position.

        Returns:
            A future that is done when the positions are committed. It raises WriteFailedError if the log cannot be
            written.
        """
        assert self._writer is not None
        changes = dict(positions)
        return self._writer.submit(LogChange(lambda log: log.store_positions(changes)))


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
