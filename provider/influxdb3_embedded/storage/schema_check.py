"""Checks parsed lines against the schemas: which lines are accepted, and which columns they add (contract 8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.columns import TIME
from influxdb3_embedded.storage.errors import LimitExceededError
from influxdb3_embedded.storage.line_protocol import MAX_ERRORS
from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import LineError, original_line, render, type_conflict_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from influxdb3_embedded.storage.columns import TableSchema
    from influxdb3_embedded.storage.line_protocol import LineGroup, ParsedLines
    from influxdb3_engine_api.line_grammar import Line


@dataclass(frozen=True, slots=True)
class Limits:
    """How many databases, tables and columns may exist. None: no limit.

    The defaults for tables and columns are those of a real server.

    Attributes:
        tables: Tables of a database.
        columns: Columns of a table, ``time`` included.
    """

    tables: int | None = 2000
    columns: int | None = 500

    def check_tables(self, existing: int) -> None:
        """Check that a database can have one more table.

        Raises:
            LimitExceededError: The database has as many tables as allowed.
        """
        if self.tables is not None and existing >= self.tables:
            msg = (
                "Update to schema would exceed number of tables limit: attempted to create table but already have "
                f"{existing} table(s) (limit: {self.tables})"
            )
            raise LimitExceededError(msg)

    def check_columns(self, wanted: int) -> None:
        """Check that a table can have this number of columns.

        Raises:
            LimitExceededError: The number is above the limit.
        """
        if self.columns is not None and wanted > self.columns:
            msg = f"Update to schema would exceed number of columns per table limit of {self.columns} columns"
            raise LimitExceededError(msg)


@dataclass(slots=True)
class AcceptedTable:
    """The accepted lines of one table.

    Attributes:
        name: Name of the table.
        columns: Columns of the table, those that the lines add included.
        groups: The lines.
    """

    name: str
    columns: dict[str, ColumnKind]
    groups: list[LineGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CheckedLines:
    """The accepted lines, and the errors of the others.

    Attributes:
        tables: The accepted lines of each table, in the order of the first line.
        errors: Errors in the order of the lines, at most `MAX_ERRORS`.
    """

    tables: list[AcceptedTable]
    errors: list[LineError]


def check_lines(parsed: ParsedLines, schemas: Mapping[str, TableSchema], limits: Limits) -> CheckedLines:
    """Check lines against schemas. The schemas do not change.

    Args:
        parsed: The lines, with their times.
        schemas: Tables of the database by name.
        limits: How many tables and columns may exist.
    """
    errors = list(parsed.errors)
    by_table: dict[str, list[LineGroup]] = {}
    for group in parsed.groups:
        by_table.setdefault(group.table, []).append(group)
    accepted: list[AcceptedTable] = []
    table_count = len(schemas)
    for name, groups in by_table.items():
        schema = schemas.get(name)
        table = AcceptedTable(name, dict(schema.columns) if schema else {})
        _check_table(table, groups, limits, table_count, errors)
        if table.groups:
            accepted.append(table)
            table_count += schema is None
    errors.sort(key=lambda error: error.line_number)
    return CheckedLines(accepted, errors[:MAX_ERRORS])


def _check_table(
    table: AcceptedTable, groups: list[LineGroup], limits: Limits, table_count: int, errors: list[LineError]
) -> None:
    """Check all lines at once, which is fast. If one is wrong, check line by line."""
    columns = dict(table.columns)
    try:
        for group in groups:
            _add_columns(columns, _columns(group), limits, table_count)
    except (LimitExceededError, _TypeConflictError):
        _check_each_line(table, groups, limits, table_count, errors)
    else:
        table.columns = columns
        table.groups = groups


def _check_each_line(
    table: AcceptedTable, groups: list[LineGroup], limits: Limits, table_count: int, errors: list[LineError]
) -> None:
    keep = [[True] * len(group.numbers) for group in groups]
    positions = sorted(
        (number, place, index) for place, group in enumerate(groups) for index, number in enumerate(group.numbers)
    )
    for number, place, index in positions:
        line = groups[place].line(index)
        try:
            _add_columns(table.columns, _line_columns(line), limits, table_count)
        except (LimitExceededError, _TypeConflictError) as error:
            keep[place][index] = False
            over_limit = isinstance(error, LimitExceededError)
            if len(errors) < MAX_ERRORS:
                errors.append(LineError(str(error), number, original_line(render(line)), over_limit))
    table.groups = [group.select(kept) for group, kept in zip(groups, keep, strict=True) if any(kept)]


class _TypeConflictError(Exception):
    """A value and its column differ in kind. The text is that of a real server."""


def _add_columns(
    columns: dict[str, ColumnKind], wanted: Iterable[tuple[str, ColumnKind]], limits: Limits, table_count: int
) -> None:
    """Add the missing columns, all or none. A table without columns is new."""
    added: dict[str, ColumnKind] = {}
    for name, kind in wanted:
        if not columns and name == TIME:
            msg = f"'{TIME}' is a reserved column"
            raise _TypeConflictError(msg)
        expected = columns.get(name) or added.setdefault(name, kind)
        if expected is not kind:
            raise _TypeConflictError(type_conflict_message(name, expected, kind))
    if not added:
        return
    if not columns:
        limits.check_tables(table_count)
        added[TIME] = ColumnKind.TIMESTAMP
    limits.check_columns(len(columns) + len(added))
    columns.update(added)


def _columns(group: LineGroup) -> list[tuple[str, ColumnKind]]:
    """Columns of the lines of a group, without duplicates."""
    series = {id(series): series for series in group.series}.values()
    tags = dict.fromkeys(key for one in series for key in one.tags)
    return [*((key, ColumnKind.TAG) for key in tags), *zip(*group.fields, strict=True)]


def _line_columns(line: Line) -> list[tuple[str, ColumnKind]]:
    return [*((key, ColumnKind.TAG) for key in line.series.tags), *zip(*line.fields, strict=True)]
