"""Query results as Arrow streams for Flight clients.

The query process writes the stream to an unnamed file, and the engine sends it from there. So a large result is in
memory once, and a client that reads slowly keeps no query process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.sql.errors import exhausted
from influxdb3_embedded.sql.processes.shared_tables import unnamed_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.sql.processes.datafusion_query import PlannedQuery

_BATCH_BYTES = 2 * 2**20
"""Largest batch of several rows. gRPC clients refuse large messages, and the real server has the same limit."""


def write_result(query: PlannedQuery, limit: int) -> int:
    """Run a query. Returns the descriptor of a file with the result as an Arrow stream.

    Args:
        query: The query.
        limit: Largest size of the file in bytes.

    Raises:
        QueryFailed: The query fails, or its result is larger than the limit.
    """
    schema = sent_schema(query.schema())
    descriptor = unnamed_file()
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file, pa.ipc.new_stream(file, schema) as stream:
            for batch in query.batches():
                columns = [_sent(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
                for part in _parts(pa.RecordBatch.from_arrays(columns, schema=schema)):
                    stream.write_batch(part)
                    if file.tell() > limit:
                        raise exhausted("the result", limit)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sent_schema(schema: pa.Schema) -> pa.Schema:
    """The columns as clients get them: plain text instead of dictionaries and views, which some clients cannot read."""
    return pa.schema([field.with_type(_sent_type(field.type)) for field in schema], schema.metadata)


def _sent_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _sent_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.utf8()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def _sent(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column if column.type == kind else column.cast(kind)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = max(1, batch.num_rows * _BATCH_BYTES // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
