"""The rows of a table at one moment, as they are handed to whoever reads them, in this process or in another."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from influxdb3_embedded.storage.batches import conform
from influxdb3_embedded.storage.columns import TIME

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = ds.ParquetFileFormat()


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of which each point is there once.

    Attributes:
        schema: Columns in alphabetical order.
        memory: Tables of this schema. A table stays the same object for as long as its rows do not change.
        files: Parquet files, checked.
        expiring: A Parquet file whose first rows have expired.
        oldest: Points before this time, nanoseconds since the epoch, have expired; they are left out when rows are
            read. None for no limit.
    """

    schema: pa.Schema
    memory: list[pa.Table]
    files: list[Path] = field(default_factory=list)
    expiring: Path | None = None
    oldest: int | None = None

    def scannable(self) -> pa.Table | ds.Dataset:
        """A table where all rows are in memory, otherwise a dataset that reads Parquet as it is scanned."""
        tables = self.memory
        if self.expiring is not None:
            tables = [conform(pq.read_table(self.expiring), self.schema), *tables]
        table = pa.concat_tables(tables) if tables else self.schema.empty_table()
        if self.oldest is not None and table.num_rows and table.column(TIME)[0].value < self.oldest:
            table = table.slice(position(table, self.oldest))
        if not self.files:
            return table
        files = (ds.dataset([str(file)], schema=self.schema, format=_FORMAT) for file in self.files)
        return ds.dataset([ds.InMemoryDataset(table), *files])

    def to_table(self) -> pa.Table:
        """All rows."""
        rows = self.scannable()
        return rows if isinstance(rows, pa.Table) else rows.to_table()


def position(rows: pa.Table, time: int) -> int:
    """The first row, in time order, that is not before a time."""
    times = rows.column(TIME)
    return bisect_left(range(rows.num_rows), time, key=lambda index: times[index].value)
