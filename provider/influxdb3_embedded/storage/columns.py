"""The columns of a table in Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Mapping

TIME = "time"
"""Name of the column that every table has."""

_ARROW_TYPES = {
    ColumnKind.TAG: pa.dictionary(pa.int32(), pa.utf8()),
    ColumnKind.TIMESTAMP: pa.timestamp("ns"),
    ColumnKind.FLOAT: pa.float64(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.UINTEGER: pa.uint64(),
    ColumnKind.STRING: pa.utf8(),
    ColumnKind.BOOLEAN: pa.bool_(),
}
_KINDS = {arrow_type: kind for kind, arrow_type in _ARROW_TYPES.items()}


def arrow_type(kind: ColumnKind) -> pa.DataType:
    """Return the Arrow type of a column, as SQL sees it."""
    return _ARROW_TYPES[kind]


def arrow_field(name: str, kind: ColumnKind) -> pa.Field:
    """Return the Arrow field of a column. Only ``time`` is never null."""
    return pa.field(name, arrow_type(kind), nullable=kind is not ColumnKind.TIMESTAMP)


def kinds_of(schema: pa.Schema) -> dict[str, ColumnKind]:
    """Return the column kinds of an Arrow schema that this package made."""
    return {field.name: _KINDS[field.type] for field in schema}


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The name and the columns of a table.

    Attributes:
        name: Name of the table: the measurement in line protocol.
        columns: Kind of each column by name, in the order in which the columns were added. ``time`` is one of them.
    """

    name: str
    columns: Mapping[str, ColumnKind]

    @property
    def tags(self) -> list[str]:
        """The names of the tag columns."""
        return [name for name, kind in self.columns.items() if kind is ColumnKind.TAG]

    @property
    def fields(self) -> list[str]:
        """The names of the field columns."""
        return [name for name, kind in self.columns.items() if kind.is_field]

    def to_arrow(self) -> pa.Schema:
        """Return the schema that SQL sees. Columns are in alphabetical order, as in a real server's ``SELECT *``."""
        return pa.schema([arrow_field(name, self.columns[name]) for name in sorted(self.columns)])
