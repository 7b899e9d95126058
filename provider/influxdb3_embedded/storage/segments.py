"""Keeps the points of one table in segments: in time order, without overlap.

Rows with the same tags and time are one point; the field written last counts. Rows later than all others are appended.
Rows of an earlier time are merged with the rows of that time only. A frozen segment is in Parquet, or a snapshot is
about to write it there. It does not change: later rows of its span are kept beside it and merged by each reader, until
a snapshot rewrites the segment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from influxdb3_embedded.storage.batches import concatenate
from influxdb3_embedded.storage.columns import TIME, TableSchema
from influxdb3_embedded.storage.parquet import ParquetRows
from influxdb3_embedded.storage.table_rows import first_row_from

SEGMENT_ROWS = 131_072
"""Largest number of rows of a segment that was joined from others."""


@dataclass(frozen=True, slots=True)
class MemoryRows:
    """The rows of a segment in memory."""

    table: pa.Table

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    def read(self) -> pa.Table:
        """Return the rows, in time order."""
        return self.table


@dataclass(slots=True, eq=False)
class Segment:
    """Rows of a span of time.

    Attributes:
        rows: Rows in time order, each point once.
        start: Time of the first row, in nanoseconds since the epoch.
        end: Time of the last row.
        frozen: Whether ``rows`` are in Parquet, or a snapshot is about to write them there.
        late: Rows of the span that were written since it was frozen, in the order written.
        replaced: Files whose rows this segment has. They are deleted when this segment is in Parquet.
    """

    rows: MemoryRows | ParquetRows
    start: int
    end: int
    frozen: bool = False
    late: list[pa.Table] = field(default_factory=list)
    replaced: list[ParquetRows] = field(default_factory=list)
    _merged: tuple[int, TableSchema, pa.Table] | None = None

    @classmethod
    def of(cls, table: pa.Table) -> Segment:
        """Make a segment in memory. The table has at least one row, and is in time order."""
        return cls(MemoryRows(table), *span(table))

    def read(self, schema: TableSchema) -> pa.Table:
        """Return all points, late ones included. The result is the same object until a point changes."""
        if not self.late:
            self._merged = None
            return self.rows.read()
        if self._merged is None or self._merged[:2] != (len(self.late), schema):
            self._merged = len(self.late), schema, deduplicate([self.rows.read(), *self.late], schema)
        return self._merged[2]

    def files(self) -> list[ParquetRows]:
        """Return the files that hold rows of this segment."""
        return [*self.replaced, *([self.rows] if isinstance(self.rows, ParquetRows) else [])]


def insert(segments: list[Segment], rows: pa.Table, schema: TableSchema) -> None:
    """Insert rows into segments.

    Args:
        segments: Segments in time order, changed in place.
        rows: At least one row, in time order, each point once.
        schema: Schema of the table, with every column of the rows.
    """
    start, end = span(rows)
    first = bisect_left(segments, start, key=lambda segment: segment.end)
    last = bisect_right(segments, end, key=lambda segment: segment.start)
    result: list[Segment] = []
    open_segments: list[Segment] = []
    for segment in segments[first:last]:
        if not segment.frozen:
            open_segments.append(segment)
            continue
        before, within, rows = split(rows, segment.start, segment.end)
        result += _merge(open_segments, before, schema)
        open_segments = []
        if within.num_rows:
            segment.late.append(within)
        result.append(segment)
    segments[first:last] = [*result, *_merge(open_segments, rows, schema)]
    _join_small(segments, schema)


def freeze(segments: list[Segment], schema: TableSchema) -> list[Segment]:
    """Begin a snapshot: join small segments, and freeze those that are not in Parquet.

    Args:
        segments: Segments in time order, changed in place.
        schema: Schema of the table.

    Returns:
        The segments to write to Parquet.
    """
    result: list[Segment] = []
    for segment in segments:
        previous = result[-1] if result else None
        if previous is not None and _worth_rewriting(previous, segment):
            tables = [previous.read(schema), segment.read(schema)]
            result[-1] = Segment.of(pa.Table.from_batches([concatenate(tables, schema.to_arrow())]))
            result[-1].replaced = previous.files() + segment.files()
        elif segment.late:
            result.append(Segment.of(segment.read(schema)))
            result[-1].replaced = segment.files()
        else:
            result.append(segment)
    for segment in result:
        segment.frozen = True
    segments[:] = result
    return [segment for segment in result if isinstance(segment.rows, MemoryRows)]


def deduplicate(tables: list[pa.Table], schema: TableSchema) -> pa.Table:
    """Sort rows by time and tags, and merge the rows of each point.

    Args:
        tables: At least one row, in the order written.
        schema: Schema of the table.
    """
    arrow_schema = schema.to_arrow()
    rows = pa.Table.from_batches([concatenate(tables, arrow_schema)])
    if _strictly_ascending(rows):
        return rows
    keys = [*schema.tags, TIME]
    if rows.group_by(keys).aggregate([]).num_rows < rows.num_rows:
        # "last" skips nulls. With several threads, it may not be the last one written.
        latest = [(name, "last") for name in schema.fields]
        grouped = rows.group_by(keys, use_threads=False).aggregate(latest)
        rows = grouped.rename_columns([*keys, *schema.fields]).select(arrow_schema.names).cast(arrow_schema)
    # a real server returns the points of one time in the order of their tags, a missing tag first
    columns = {TIME: rows.column(TIME)} | {tag: rows.column(tag).cast(pa.utf8()) for tag in schema.tags}
    order = [(name, "ascending", "at_start") for name in columns]
    return rows.take(pc.sort_indices(pa.table(columns), sort_keys=order))


def split(rows: pa.Table, start: int, end: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Split rows in time order into those before, within and after a span of time. Both ends belong to the span."""
    left, right = first_row_from(rows, start), first_row_from(rows, end + 1)
    return rows.slice(0, left), rows.slice(left, right - left), rows.slice(right)


def span(rows: pa.Table) -> tuple[int, int]:
    """Return the times of the first and the last row."""
    times = rows.column(TIME)
    return times[0].value, times[rows.num_rows - 1].value


def _merge(segments: list[Segment], rows: pa.Table, schema: TableSchema) -> list[Segment]:
    """Merge rows into segments that are not frozen."""
    if not rows.num_rows:
        return segments
    start, end = span(rows)
    parts = [split(segment.rows.read(), start, end) for segment in segments]
    merged = deduplicate([*(within for _, within, _ in parts), rows], schema)
    tables = [*(before for before, _, _ in parts), merged, *(after for _, _, after in parts)]
    return [Segment.of(table) for table in tables if table.num_rows]


def _join_small(segments: list[Segment], schema: TableSchema) -> None:
    """Join neighbours until each is full or twice as long as the next, so that a row is copied only a few times."""
    if len(segments) < 2:
        return
    result: list[Segment] = []
    for segment in segments:
        result.append(segment)
        while len(result) > 1 and _worth_joining(result[-2], result[-1]):
            tables = [result[-2].rows.read(), result[-1].rows.read()]
            result[-2:] = [Segment.of(pa.Table.from_batches([concatenate(tables, schema.to_arrow())]))]
    segments[:] = result


def _worth_joining(left: Segment, right: Segment) -> bool:
    together = left.rows.num_rows + right.rows.num_rows
    similar = right.rows.num_rows * 2 >= left.rows.num_rows
    return similar and together <= SEGMENT_ROWS and not left.frozen and not right.frozen


def _worth_rewriting(left: Segment, right: Segment) -> bool:
    changed = not left.frozen or not right.frozen or bool(left.late) or bool(right.late)
    return changed and left.rows.num_rows + right.rows.num_rows <= SEGMENT_ROWS


def _strictly_ascending(rows: pa.Table) -> bool:
    times = rows.column(TIME).cast(pa.int64())
    return bool(pc.all(pc.less(times.slice(0, len(times) - 1), times.slice(1))).as_py())
