"""How much memory a query may take.

DataFusion counts what sorts, joins and groups keep, and writes it to disk where it can. It does not count rows of a
result, nor the lists that `gapfill` makes: these are counted here. What nobody counts, such as the text that
``repeat('x', 1000000000)`` makes, meets the limit of the query's process.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from datafusion import RuntimeEnvBuilder, SessionContext

from influxdb3_embedded.sql.errors import exhausted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datafusion import DataFrame, SessionConfig

# Bytes of Python objects and of text: about what the larger of JSON and a plugin's rows was measured to take.
_ROW, _VALUE = 100, 64
_BIN = 100  # bytes: measured while gaps of a million bins are filled
_DISK = 4  # what one query may write to disk, as a multiple of the memory
_DAY = 86_400 * 10**9  # nanoseconds


_UNCOUNTED = 512 * 2**20
"""Bytes besides the limit for what is not counted and always there: stacks, buffers, copies while lists grow."""


class QueryMemory:
    """The memory of one query, as far as it is counted.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runtime = RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(limit)

    def limit_process(self) -> None:
        """Let this process have no more memory than it has now and the query may take; Linux only."""
        if (taken := memory_of_process()) is not None:
            limit = min(taken + self._limit + _UNCOUNTED, sys.maxsize)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))

    def context(self, config: SessionConfig) -> SessionContext:
        """A context for the query."""
        context = SessionContext(config, self._runtime)
        # An endless join that is sorted would fill the disk.
        context.sql(f"SET datafusion.runtime.max_temp_directory_size = '{self._limit * _DISK // 1024}K'")
        return context

    def collect(self, frame: DataFrame) -> list[pa.RecordBatch]:
        """Run a query.

        Raises:
            QueryFailed: The rows, written as text or given to a plugin, would take too much.
        """
        batches: list[pa.RecordBatch] = []
        left = self._limit
        for batch in _batches(frame):
            left -= _cost(batch)
            if left < 0:
                raise exhausted("the result", self._limit)
            batches.append(batch)
        return batches

    def check_bins(self, first: int | None, last: int | None, stride: pa.MonthDayNano | None) -> None:
        """Refuse to make more bins of time than memory has room for.

        Args:
            first: The first bin, in nanoseconds.
            last: The last one.
            stride: From each to the next.

        Raises:
            QueryFailed: When they are too many.
        """
        if first is None or last is None or stride is None:
            return
        shortest = stride.nanoseconds + (stride.days + 28 * stride.months) * _DAY
        count = (last - first) // shortest + 1 if shortest > 0 else 0
        if count * _BIN > self._limit:
            raise exhausted(f"{count} bins of date_bin_gapfill", self._limit)


def memory_of_process() -> int | None:
    """Bytes of this process that count against its limit; None where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _batches(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    for batch in frame.execute_stream():
        yield batch.to_pyarrow()


def _cost(batch: pa.RecordBatch) -> int:
    row = _ROW + sum(map(len, batch.schema.names))
    return int(batch.num_rows) * row + sum(map(_cost_of_values, batch.columns))


def _cost_of_values(array: pa.Array) -> int:
    kind, objects = array.type, _VALUE * len(array)
    if pa.types.is_dictionary(kind):
        # A text that the dictionary has once is written for each row.
        lengths = pc.binary_length(array.dictionary.cast(pa.large_utf8()))
        return objects + int(pc.sum(pc.take(lengths, array.indices)).as_py() or 0)
    if pa.types.is_string_view(kind):
        return objects + int(array.cast(pa.large_utf8()).nbytes)  # the buffers of a view are those of other rows too
    if pa.types.is_map(kind):
        return objects + _cost_of_values(array.keys) + _cost_of_values(array.items)
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        parts = array.flatten()
        return objects + sum(map(_cost_of_values, parts if isinstance(parts, list) else [parts]))
    return objects + int(array.nbytes)
