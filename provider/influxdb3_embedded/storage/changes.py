"""The changes that the storage commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.batches import WrittenRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from influxdb3_embedded.storage.table_data import TableData
    from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog


class AddRows:
    """Adds the rows of one write to the log, then to memory.

    Args:
        sequence: Sequence of the write in the log.
        database_id: The database.
        parts: The rows of each table, in the order of the first line.
        announce: Called with the database, the sequence and the rows as soon as queries see the rows.
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

    def store(self, log: WriteAheadLog) -> None:
        """Add the write to the log."""
        log.add(self._sequence, self._database_id, [(data.schema.name, batch) for data, batch in self._parts])

    def apply(self) -> None:
        """Let queries see the rows."""
        for data, batch in self._parts:
            data.append(batch)

    def announce(self) -> None:
        """Hand the rows to the observers."""
        batches = [TableBatch(data.schema.name, WrittenRows(batch)) for data, batch in self._parts]
        self._announce(self._database_id, self._sequence, batches)


@dataclass(frozen=True, slots=True)
class LogChange:
    """Changes the log only. The caller has changed memory."""

    change: Callable[[WriteAheadLog], None]

    def store(self, log: WriteAheadLog) -> None:
        """Make the change."""
        self.change(log)

    def apply(self) -> None:
        """Do nothing."""

    def announce(self) -> None:
        """Do nothing."""
