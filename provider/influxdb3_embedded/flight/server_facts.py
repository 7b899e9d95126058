"""Facts about the server, as Flight SQL asks for them (``CommandGetSqlInfo``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME, _VERSION, _ARROW_VERSION, _READ_ONLY, _SQL, _SUBSTRAIT = range(6)
_TRANSACTIONS, _CANCEL = 8, 9
_QUOTE, _IDENTIFIER_CASE = 504, 503

_KINDS = [
    pa.field("string_value", pa.utf8(), nullable=False),
    pa.field("bool_value", pa.bool_(), nullable=False),
    pa.field("bigint_value", pa.int64(), nullable=False),
    pa.field("int32_bitmask", pa.int32(), nullable=False),
    pa.field("string_list", pa.list_(pa.utf8())),
    pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
]
_TEXT, _BOOLEAN, _BIGINT = range(3)
SCHEMA = pa.schema(
    [pa.field("info_name", pa.uint32(), nullable=False), pa.field("value", pa.dense_union(_KINDS), nullable=False)]
)
"""The columns of the answer."""


def server_facts(numbers: frozenset[int], name: str, version: str) -> pa.Table:
    """Return the facts with these numbers, or all facts if there are no numbers. Unknown numbers are left out.

    Args:
        numbers: Numbers of Flight SQL's ``SqlInfo``.
        name: Name of the server.
        version: Version of the server.
    """
    known: Mapping[int, str | bool | int] = {
        _NAME: name,
        _VERSION: version,
        _ARROW_VERSION: pa.__version__,
        _READ_ONLY: True,
        _SQL: True,
        _SUBSTRAIT: False,
        _TRANSACTIONS: 0,
        _CANCEL: False,
        _IDENTIFIER_CASE: 3,
        _QUOTE: '"',
    }
    chosen = {number: value for number, value in sorted(known.items()) if not numbers or number in numbers}
    children: list[list[str | bool | int]] = [[] for _ in _KINDS]
    kinds, offsets = [], []
    for value in chosen.values():
        kind = _TEXT if isinstance(value, str) else _BOOLEAN if isinstance(value, bool) else _BIGINT
        kinds.append(kind)
        offsets.append(len(children[kind]))
        children[kind].append(value)
    values = pa.UnionArray.from_buffers(
        SCHEMA.field("value").type,
        len(chosen),
        [None, pa.array(kinds, pa.int8()).buffers()[1], pa.array(offsets, pa.int32()).buffers()[1]],
        children=[pa.array(child, field.type) for child, field in zip(children, _KINDS, strict=True)],
    )
    return pa.Table.from_arrays([pa.array(chosen, pa.uint32()), values], schema=SCHEMA)
