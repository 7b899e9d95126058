"""What a column of a table can be, in line protocol, in Arrow and in the server's messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

TIME = "time"
"""The column that every table has."""

MINIMUM_INTEGER, MAXIMUM_INTEGER = -(2**63), 2**63 - 1
MAXIMUM_UINTEGER = 2**64 - 1


class ColumnKind(StrEnum):
    """The kind of a column; it is set by the first write that names the column and never changes."""

    TAG = "tag"
    TIMESTAMP = "timestamp"
    FLOAT = "field::float"
    INTEGER = "field::integer"
    UINTEGER = "field::uinteger"
    STRING = "field::string"
    BOOLEAN = "field::boolean"

    @property
    def iox_type(self) -> str:
        """The kind as the server's messages name it (contract 8.1)."""
        return f"iox::column_type::{self.value}"

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type that SQL sees."""
        return _ARROW_TYPES[self]

    @property
    def is_field(self) -> bool:
        """Whether the column holds field values: not a tag, not the time."""
        return self not in (ColumnKind.TAG, ColumnKind.TIMESTAMP)


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


def arrow_field(name: str, kind: ColumnKind) -> pa.Field:
    """The Arrow field of a column; only the time is never null."""
    return pa.field(name, kind.arrow_type, nullable=kind is not ColumnKind.TIMESTAMP)


def kinds_of(schema: pa.Schema) -> dict[str, ColumnKind]:
    """The column kinds of an Arrow schema that this package made."""
    return {field.name: _KINDS[field.type] for field in schema}


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The name and the columns of a table.

    Attributes:
        name: The measurement that is written.
        columns: Kind of each column by name, in the order in which they were added; ``time`` is one of them.
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
        """The schema that SQL sees: columns in alphabetical order, as a real server answers ``SELECT *``."""
        return pa.schema([arrow_field(name, self.columns[name]) for name in sorted(self.columns)])
