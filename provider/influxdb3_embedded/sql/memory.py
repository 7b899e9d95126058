"""Limits the memory of a query.

- DataFusion counts the memory of sorts, joins and groups, and writes to disk what exceeds the limit.
- This module counts the rows of a result, and the bins of ``date_bin_gapfill``.
- The limit of the process covers all other memory, such as the text that ``repeat('x', 1000000000)`` makes.
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

# Bytes of Python objects and text. JSON or rows for plugins, whichever is larger, take about that much (measured).
_ROW, _VALUE = 100, 64
_BIN = 100  # bytes, measured with a million bins
_DISK = 4  # a query may write four times its memory to disk
_DAY = 86_400 * 10**9  # nanoseconds

_UNCOUNTED = 512 * 2**20
"""Bytes on top of the limit, for what each query needs: stacks, buffers, copies of growing lists."""


class QueryMemory:
    """Limits the memory of one query.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runtime = RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(limit)

    def limit_process(self) -> None:
        """Limit this process to its present memory and that of the query. Does nothing if the system is not Linux."""
        if (taken := memory_of_process()) is not None:
            limit = min(taken + self._limit + _UNCOUNTED, sys.maxsize)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))

    def context(self, config: SessionConfig) -> SessionContext:
        """A context for the query."""
        context = SessionContext(config, self._runtime)
        # A sort of an endless join would fill the disk.
        context.sql(f"SET datafusion.runtime.max_temp_directory_size = '{self._limit * _DISK // 1024}K'")
        return context

    def collect(self, frame: DataFrame) -> list[pa.RecordBatch]:
        """Run a query.

        Raises:
            QueryFailed: The rows would take too much memory, as text or as rows for plugins.
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
        """Refuse more bins of time than fit into the memory.

        Args:
            first: Start of the first bin, in nanoseconds.
            last: Start of the last bin.
            stride: Length of a bin.

        Raises:
            QueryFailed: There are too many bins.
        """
        if first is None or last is None or stride is None:
            return
        shortest = stride.nanoseconds + (stride.days + 28 * stride.months) * _DAY
        count = (last - first) // shortest + 1 if shortest > 0 else 0
        if count * _BIN > self._limit:
            raise exhausted(f"{count} bins of date_bin_gapfill", self._limit)


def memory_of_process() -> int | None:
    """Bytes of this process that count for its limit, or None if the system is not Linux."""
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
        # A text is once in the dictionary, but the result repeats it for each row.
        lengths = pc.binary_length(array.dictionary.cast(pa.large_utf8()))
        return objects + int(pc.sum(pc.take(lengths, array.indices)).as_py() or 0)
    if pa.types.is_string_view(kind):
        return objects + int(array.cast(pa.large_utf8()).nbytes)  # other rows share the buffers of a view
    if pa.types.is_map(kind):
        return objects + _cost_of_values(array.keys) + _cost_of_values(array.items)
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        parts = array.flatten()
        return objects + sum(map(_cost_of_values, parts if isinstance(parts, list) else [parts]))
    return objects + int(array.nbytes)
