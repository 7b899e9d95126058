"""Types that the parts of the engine share: triggers, and the written rows that they get."""

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
"""The database that always exists and cannot be changed."""


class TriggerKey(NamedTuple):
    """Identifies a trigger: its name is unique in its database."""

    database: str
    name: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger as the catalog stores it.

    Attributes:
        database: Database of the trigger.
        name: Name of the trigger, unique in the database.
        plugin_filename: Path below the plugin directory, or ``gh:PATH``; stored as sent.
        specification: When the trigger runs.
        run_async: Whether runs may overlap.
        error_behavior: What happens after a failed run (contract 3.2).
        arguments: What the plugin gets as ``args``. None: the request had no arguments.
        disabled: Whether the trigger does not run.
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
        """Database and name of the trigger."""
        return TriggerKey(self.database, self.name)


@dataclass(frozen=True, slots=True)
class TableBatch:
    """The rows of one table in one flush, in the order written."""

    table_name: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Flush:
    """The rows that one durable write added to one database.

    Attributes:
        database: Name of the database.
        sequence: Sequence of the write in the write-ahead log. Sequences grow, and are never used again.
        batches: Rows of each table, in the order of the first line.
    """

    database: str
    sequence: int
    batches: Sequence[TableBatch] = field(default_factory=tuple)
