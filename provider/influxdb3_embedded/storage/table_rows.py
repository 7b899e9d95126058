"""The rows of a table at one moment, for readers in this process or in another."""

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
    """The rows of a table, each point once.

    Attributes:
        schema: Columns in alphabetical order.
        memory: Tables with this schema. A table stays the same object while its rows do not change.
        files: Verified Parquet files.
        expiring: A Parquet file whose first rows have expired.
        oldest: Points before this time, in nanoseconds since the epoch, have expired and are not read. None: no limit.
    """

    schema: pa.Schema
    memory: list[pa.Table]
    files: list[Path] = field(default_factory=list)
    expiring: Path | None = None
    oldest: int | None = None

    def scannable(self) -> pa.Table | ds.Dataset:
        """Return a table if all rows are in memory, else a dataset that reads the files during the scan."""
        tables = self.memory
        if self.expiring is not None:
            tables = [conform(pq.read_table(self.expiring), self.schema), *tables]
        table = pa.concat_tables(tables) if tables else self.schema.empty_table()
        if self.oldest is not None and table.num_rows and table.column(TIME)[0].value < self.oldest:
            table = table.slice(first_row_from(table, self.oldest))
        if not self.files:
            return table
        files = (ds.dataset([str(file)], schema=self.schema, format=_FORMAT) for file in self.files)
        return ds.dataset([ds.InMemoryDataset(table), *files])

    def to_table(self) -> pa.Table:
        """Return all rows."""
        rows = self.scannable()
        return rows if isinstance(rows, pa.Table) else rows.to_table()


def first_row_from(rows: pa.Table, time: int) -> int:
    """Return the index of the first row at or after a time. The rows are in time order."""
    times = rows.column(TIME)
    return bisect_left(range(rows.num_rows), time, key=lambda index: times[index].value)
