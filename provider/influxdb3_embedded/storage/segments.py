"""The points of one table: segments in time order that do not overlap.

Points with the same tags and time are one point, of whose fields the last ones written count. Merging is paid where
it is needed: rows later than all others, which is what time series are, are appended; rows into the past are merged
with the rows of that time only. A segment that is frozen (in Parquet, or on its way there) is not changed any more:
what is written into its span is kept beside it and merged when somebody reads, until a snapshot rewrites it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from influxdb3_embedded.storage.batches import concatenate
from influxdb3_embedded.storage.columns import TIME, TableSchema
from influxdb3_embedded.storage.parquet import ParquetRows
from influxdb3_embedded.storage.table_rows import position

SEGMENT_ROWS = 131_072
"""Neighbours are joined up to this size, so a table has about as many segments as it has multiples of this."""


@dataclass(frozen=True, slots=True)
class MemoryRows:
    """The rows of a segment in memory."""

    table: pa.Table

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    def read(self) -> pa.Table:
        """The rows in time order."""
        return self.table


@dataclass(slots=True, eq=False)
class Segment:
    """Rows of a span of time.

    Attributes:
        rows: In time order, each point once.
        start: Time of the first, nanoseconds since the epoch.
        end: Time of the last.
        frozen: Whether ``rows`` are in Parquet or on their way there.
        late: Rows written into the span since it was frozen, in the order written.
        replaced: Files whose rows this segment has; they go when it is in Parquet itself.
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
        """A segment in memory of rows in time order, at least one."""
        return cls(MemoryRows(table), *span(table))

    def read(self, schema: TableSchema) -> pa.Table:
        """All its points, those that came late too; the same object until there are others."""
        if not self.late:
            self._merged = None
            return self.rows.read()
        if self._merged is None or self._merged[:2] != (len(self.late), schema):
            self._merged = len(self.late), schema, deduplicate([self.rows.read(), *self.late], schema)
        return self._merged[2]

    def files(self) -> list[ParquetRows]:
        """The files that hold its rows."""
        return [*self.replaced, *([self.rows] if isinstance(self.rows, ParquetRows) else [])]


def insert(segments: list[Segment], rows: pa.Table, schema: TableSchema) -> None:
    """Insert rows into segments.

    Args:
        segments: In time order; changed in place.
        rows: In time order, each point once, at least one.
        schema: Of the table, with every column of the rows.
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
    """Begin a snapshot: join what is small, and freeze what is not in Parquet.

    Args:
        segments: Changed in place.
        schema: Of the table.

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
    """Rows in the order written to rows in the order of time and tags, each point once.

    Args:
        tables: The rows; at least one.
        schema: Of the table.
    """
    arrow_schema = schema.to_arrow()
    rows = pa.Table.from_batches([concatenate(tables, arrow_schema)])
    if _strictly_ascending(rows):
        return rows
    keys = [*schema.tags, TIME]
    if rows.group_by(keys).aggregate([]).num_rows < rows.num_rows:
        # "last" skips nulls, and is the last written only when one thread does it.
        latest = [(name, "last") for name in schema.fields]
        grouped = rows.group_by(keys, use_threads=False).aggregate(latest)
        rows = grouped.rename_columns([*keys, *schema.fields]).select(arrow_schema.names).cast(arrow_schema)
    # points of one time in the order of their tags, those without a tag first, as the real server returns them
    columns = {TIME: rows.column(TIME)} | {tag: rows.column(tag).cast(pa.utf8()) for tag in schema.tags}
    order = [(name, "ascending", "at_start") for name in columns]
    return rows.take(pc.sort_indices(pa.table(columns), sort_keys=order))


def split(rows: pa.Table, start: int, end: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Rows in time order before, within and after a span of time, both ends of which belong to it."""
    left, right = position(rows, start), position(rows, end + 1)
    return rows.slice(0, left), rows.slice(left, right - left), rows.slice(right)


def span(rows: pa.Table) -> tuple[int, int]:
    """The times of the first and the last row."""
    times = rows.column(TIME)
    return times[0].value, times[rows.num_rows - 1].value


def _merge(segments: list[Segment], rows: pa.Table, schema: TableSchema) -> list[Segment]:
    """Segments that are not frozen, with rows merged into those of the same time."""
    if not rows.num_rows:
        return segments
    start, end = span(rows)
    parts = [split(segment.rows.read(), start, end) for segment in segments]
    merged = deduplicate([*(within for _, within, _ in parts), rows], schema)
    tables = [*(before for before, _, _ in parts), merged, *(after for _, _, after in parts)]
    return [Segment.of(table) for table in tables if table.num_rows]


def _join_small(segments: list[Segment], schema: TableSchema) -> None:
    """Join neighbours until each is twice its successor or full: rows are copied a logarithmic number of times."""
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
