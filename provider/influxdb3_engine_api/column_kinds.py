"""Kinds of columns, in line protocol and in the server's messages."""

from __future__ import annotations

from enum import StrEnum

MINIMUM_INTEGER, MAXIMUM_INTEGER = -(2**63), 2**63 - 1
MAXIMUM_UINTEGER = 2**64 - 1


class ColumnKind(StrEnum):
    """The kind of a column. The first write to the column sets it for good."""

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
    def is_field(self) -> bool:
        """Whether the column holds field values: not a tag, not the time."""
        return self not in (ColumnKind.TAG, ColumnKind.TIMESTAMP)
