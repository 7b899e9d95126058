"""Parsed lines against the schemas: which lines come in, and which columns they add (contract 8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.columns import TIME
from influxdb3_embedded.storage.errors import LimitExceededError
from influxdb3_embedded.storage.line_protocol import MOST_ERRORS
from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import LineError, original_line, render, type_conflict_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from influxdb3_embedded.storage.columns import TableSchema
    from influxdb3_embedded.storage.line_protocol import LineGroup, ParsedLines
    from influxdb3_engine_api.line_grammar import Line


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be; ``None`` is no limit. The defaults for tables and columns are the server's.

    Attributes:
        tables: Tables of a database.
        columns: Columns of a table, its time included.
    """

    tables: int | None = 2000
    columns: int | None = 500

    def check_tables(self, existing: int) -> None:
        """Refuse one more table.

        Raises:
            LimitExceededError: When the database is full.
        """
        if self.tables is not None and existing >= self.tables:
            msg = (
                "Update to schema would exceed number of tables limit: attempted to create table but already have "
                f"{existing} table(s) (limit: {self.tables})"
            )
            raise LimitExceededError(msg)

    def check_columns(self, wanted: int) -> None:
        """Refuse a table of so many columns.

        Raises:
            LimitExceededError: When they are too many.
        """
        if self.columns is not None and wanted > self.columns:
            msg = f"Update to schema would exceed number of columns per table limit of {self.columns} columns"
            raise LimitExceededError(msg)


@dataclass(slots=True)
class AdmittedTable:
    """The lines of one table that come in.

    Attributes:
        name: The table.
        columns: The table's columns with these lines.
        groups: The lines.
    """

    name: str
    columns: dict[str, ColumnKind]
    groups: list[LineGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Admission:
    """What comes in and what does not.

    Attributes:
        tables: In the order of their first line.
        errors: In the order of the lines; at most `MOST_ERRORS`.
    """

    tables: list[AdmittedTable]
    errors: list[LineError]


def admit(parsed: ParsedLines, schemas: Mapping[str, TableSchema], limits: Limits) -> Admission:
    """Check lines against schemas without changing these.

    Args:
        parsed: The lines, with their times.
        schemas: The database's tables by name.
        limits: How many tables and columns there may be.

    Returns:
        What may be stored, and what is wrong with the other lines.
    """
    errors = list(parsed.errors)
    by_table: dict[str, list[LineGroup]] = {}
    for group in parsed.groups:
        by_table.setdefault(group.table, []).append(group)
    admitted: list[AdmittedTable] = []
    table_count = len(schemas)
    for name, groups in by_table.items():
        schema = schemas.get(name)
        table = AdmittedTable(name, dict(schema.columns) if schema else {})
        _admit_table(table, groups, limits, table_count, errors)
        if table.groups:
            admitted.append(table)
            table_count += schema is None
    errors.sort(key=lambda error: error.line_number)
    return Admission(admitted, errors[:MOST_ERRORS])


def _admit_table(
    table: AdmittedTable, groups: list[LineGroup], limits: Limits, table_count: int, errors: list[LineError]
) -> None:
    """All lines at once, which is what nearly every write is; line by line when something is wrong with one."""
    columns = dict(table.columns)
    try:
        for group in groups:
            _add_columns(columns, _columns(group), limits, table_count)
    except (LimitExceededError, _TypeConflictError):
        _admit_lines(table, groups, limits, table_count, errors)
    else:
        table.columns = columns
        table.groups = groups


def _admit_lines(
    table: AdmittedTable, groups: list[LineGroup], limits: Limits, table_count: int, errors: list[LineError]
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
            if len(errors) < MOST_ERRORS:
                errors.append(LineError(str(error), number, original_line(render(line)), over_limit))
    table.groups = [group.select(kept) for group, kept in zip(groups, keep, strict=True) if any(kept)]


class _TypeConflictError(Exception):
    """A value of another kind than its column's; the text is the server's."""


def _add_columns(
    columns: dict[str, ColumnKind], wanted: Iterable[tuple[str, ColumnKind]], limits: Limits, table_count: int
) -> None:
    """Add the wanted columns that are missing, all or none; a table without columns is a new one."""
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
    """The columns that the lines of a group have, each once."""
    series = {id(series): series for series in group.series}.values()
    tags = dict.fromkeys(key for one in series for key in one.tags)
    return [*((key, ColumnKind.TAG) for key in tags), *zip(*group.fields, strict=True)]


def _line_columns(line: Line) -> list[tuple[str, ColumnKind]]:
    return [*((key, ColumnKind.TAG) for key in line.series.tags), *zip(*line.fields, strict=True)]
