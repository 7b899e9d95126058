"""What the writer commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.batches import WrittenRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from influxdb3_embedded.storage.log import Log
    from influxdb3_embedded.storage.table_data import TableData


class CommitWrite:
    """Log, store and announce the lines of one write.

    Args:
        sequence: Its position in the log.
        database_id: Where it goes.
        parts: The rows of each table, in the order of the first line.
        announce: Called with the database, the sequence and the rows once they can be queried.
    """

    def __init__(
        self,
        sequence: int,
        database_id: int,
        parts: list[tuple[TableData, pa.RecordBatch]],
        announce: Callable[[int, int, Sequence[TableBatch]], None],
    ) -> None:
        self._sequence = sequence
        self._database_id = database_id
        self._parts = parts
        self._announce = announce

    def store(self, log: Log) -> None:
        """Add the write to the log."""
        log.add(self._sequence, self._database_id, [(data.schema.name, batch) for data, batch in self._parts])

    def apply(self) -> None:
        """Make the rows readable."""
        for data, batch in self._parts:
            data.append(batch)

    def announce(self) -> None:
        """Hand the rows to whoever follows the writes."""
        batches = [TableBatch(data.schema.name, WrittenRows(batch)) for data, batch in self._parts]
        self._announce(self._database_id, self._sequence, batches)


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """Change what the log knows; memory was changed by the caller."""

    change: Callable[[Log], None]

    def store(self, log: Log) -> None:
        """Make the change."""
        self.change(log)

    def apply(self) -> None:
        """Nothing is left to do."""

    def announce(self) -> None:
        """Nobody is told."""
