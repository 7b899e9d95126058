"""The nouns that the engine's parts share: what a trigger is, and what a flush of writes hands to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from influxdb3_engine_api.specification import Specification
    from influxdb3_engine_api.wire import ErrorBehavior

Row = dict[str, Any]
"""One written point as a plugin sees it: tags and fields as written, then ``time`` in nanoseconds (contract 4.4)."""


INTERNAL = "_internal"
"""The database that is always there and cannot be changed."""


class TriggerKey(NamedTuple):
    """What identifies a trigger: names are unique in a database."""

    database: str
    name: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger as the catalog stores it.

    Attributes:
        database: The database it belongs to.
        name: Unique in that database.
        plugin_filename: Path below the plugin directory, or ``gh:PATH``; stored as it was sent.
        specification: When it runs.
        run_async: Whether its runs may overlap.
        error_behavior: What a failed run leads to (contract 3.2).
        arguments: What its plugin gets as ``args``; ``None`` where none were sent.
        disabled: Whether it is kept without running.
    """

    database: str
    name: str
    plugin_filename: str
    specification: Specification
    run_async: bool
    error_behavior: ErrorBehavior
    arguments: Mapping[str, str] | None
    disabled: bool

    @property
    def key(self) -> TriggerKey:
        """The trigger's identity."""
        return TriggerKey(self.database, self.name)


@dataclass(frozen=True, slots=True)
class TableBatch:
    """The rows of one table in one flush, in the order they were written."""

    table_name: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Flush:
    """What one durable commit added to one database.

    Attributes:
        database: The database written to.
        sequence: Position of the commit in the write-ahead log; grows, is never reused.
        batches: Tables in the order of first appearance.
    """

    database: str
    sequence: int
    batches: Sequence[TableBatch] = field(default_factory=tuple)
