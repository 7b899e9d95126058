"""Trigger specifications: when a trigger runs (contract section 2; the published API if the two differ).

The five forms are ``all_tables``, ``table:NAME``, ``cron:EXPRESSION``, ``every:DURATION`` and ``request:PATH``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from influxdb3_engine_api.cron import Fields, numbers_weekdays, parse_cron, parse_stored_cron, same_text
from influxdb3_engine_api.cron_grammar import CronError
from influxdb3_engine_api.duration import YEAR, format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

MILLISECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = (
    "expect one of the following forms: 'table:<TABLE_NAME>', 'all_tables', 'cron:<CRON_EXPRESSION>', "
    "'every:<DURATION>', or 'request:<PATH>'"
)


class PluginType(Enum):
    """The three kinds of plugin, by the server's names."""

    WAL = "WalRows"
    SCHEDULE = "Schedule"
    REQUEST = "Request"


class SpecificationError(ValueError):
    """An invalid trigger specification.

    Attributes:
        server_text: The server's error text.
        hint: What is wrong and what to write, for a person.
    """

    def __init__(self, text: str, detail: str | None, hint: str) -> None:
        self.server_text = f"failed to parse trigger from {text}" + (f": {detail}" if detail else "")
        self.hint = hint
        super().__init__(hint)


@dataclass(frozen=True, slots=True)
class AllTables:
    """Runs on writes to any table of the trigger's database."""

    @property
    def text(self) -> str:
        """The form that is sent."""
        return "all_tables"

    @property
    def catalog_json(self) -> str:
        """The form that ``system.processing_engine_triggers`` shows."""
        return '"all_tables_wal_write"'

    @property
    def plugin_type(self) -> PluginType:
        """The kind of plugin it runs."""
        return PluginType.WAL


@dataclass(frozen=True, slots=True)
class Table:
    """Runs on writes to one table of the trigger's database."""

    name: str

    @property
    def text(self) -> str:
        """The form that is sent."""
        return f"table:{self.name}"

    @property
    def catalog_json(self) -> str:
        """The form that ``system.processing_engine_triggers`` shows."""
        return _compact({"single_table_wal_write": {"table_name": self.name}})

    @property
    def plugin_type(self) -> PluginType:
        """The kind of plugin it runs."""
        return PluginType.WAL


@dataclass(frozen=True, slots=True)
class Cron:
    """Runs at the seconds that a cron expression matches, in UTC.

    Attributes:
        expression: The expression.
        fields: What it means; None if a server stores an expression that this release does not know.
    """

    expression: str
    fields: Fields | None = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """The form that is sent."""
        return f"cron:{self.expression}"

    @property
    def catalog_json(self) -> str:
        """The form that ``system.processing_engine_triggers`` shows."""
        return _compact({"schedule": {"schedule": self.expression}})

    @property
    def plugin_type(self) -> PluginType:
        """The kind of plugin it runs."""
        return PluginType.SCHEDULE

    @property
    def restricts_both_days(self) -> bool:
        """Whether it names days of the month and of the week, of which both have to match."""
        return self.fields is not None and self.fields.restricts_both_days

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run strictly after ``moment`` (UTC); None if the expression never matches again."""
        return None if self.fields is None else self.fields.next_after(moment)


@dataclass(frozen=True, slots=True)
class Every:
    """Runs at the multiples of a duration since the Unix epoch."""

    duration_text: str
    total_nanoseconds: int

    @property
    def text(self) -> str:
        """The form that is sent."""
        return f"every:{self.duration_text}"

    @property
    def catalog_json(self) -> str:
        """The form that ``system.processing_engine_triggers`` shows: the amount of time without the text."""
        secs, nanos = divmod(self.total_nanoseconds, 1_000_000_000)
        return _compact({"every": {"duration": {"secs": secs, "nanos": nanos}}})

    @property
    def plugin_type(self) -> PluginType:
        """The kind of plugin it runs."""
        return PluginType.SCHEDULE

    def next_after(self, moment: datetime) -> datetime:
        """The first multiple of the interval, in whole milliseconds, strictly after ``moment`` (contract 2.3)."""
        interval = self.total_nanoseconds // MILLISECOND
        elapsed = (moment - _EPOCH) // timedelta(milliseconds=1)
        return _EPOCH + timedelta(milliseconds=(elapsed // interval + 1) * interval)


@dataclass(frozen=True, slots=True)
class Request:
    """Runs when ``/api/v3/engine/PATH`` is called."""

    path: str

    @property
    def text(self) -> str:
        """The form that is sent."""
        return f"request:{self.path}"

    @property
    def catalog_json(self) -> str:
        """The form that ``system.processing_engine_triggers`` shows."""
        return _compact({"request_path": {"path": self.path}})

    @property
    def plugin_type(self) -> PluginType:
        """The kind of plugin it runs."""
        return PluginType.REQUEST


Specification = AllTables | Table | Cron | Every | Request


def parse(text: str) -> Specification:
    """Parse a trigger specification as the server does.

    The text is trimmed, prefixes are in lower case, and a repeated prefix counts once.

    Raises:
        SpecificationError: The specification is invalid.
    """
    text = text.strip()
    if text == "all_tables":
        return AllTables()
    for prefix, parser in _PARSERS.items():
        if text.startswith(prefix):
            rest = text
            while rest.startswith(prefix):
                rest = rest[len(prefix) :]
            return parser(text, rest.strip())
    raise SpecificationError(text, _FORMS, f"{text!r} is not a trigger specification: {_FORMS}")


def parse_catalog(catalog_json: str, sunday: int = 1) -> Specification:
    """Parse ``trigger_specification`` of ``system.processing_engine_triggers``.

    Args:
        catalog_json: The text in the table.
        sunday: The number of Sunday in cron expressions of the server; default: 1, as on a real server.

    Raises:
        ValueError: This release does not know the form that the server stores.
    """
    try:
        catalog = json.loads(catalog_json)
    except RecursionError:
        raise ValueError("the server stores a trigger specification with too many nested values") from None
    match catalog:
        case "all_tables_wal_write":
            return AllTables()
        case {"single_table_wal_write": {"table_name": str(name)}}:
            return Table(name)
        case {"schedule": {"schedule": str(expression)}}:
            try:
                return Cron(expression, parse_stored_cron(expression, sunday))
            except CronError:
                return Cron(expression, None)
        case {"every": {"duration": {"secs": int(secs), "nanos": int(nanos)}}}:
            total = secs * 1_000_000_000 + nanos
            return Every(format_duration(total), total)
        case {"request_path": {"path": str(path)}}:
            return Request(path)
    raise ValueError(f"the server stores a trigger specification of an unknown form: {catalog_json}")


def same_schedule(one: Specification, other: Specification) -> bool:
    """Whether two specifications mean the same to the server.

    Durations are compared by the amount of time, since the server does not keep their text (contract section 2). Cron
    expressions are compared by the times that they match. Other specifications have to be equal.
    """
    match one, other:
        case Every(), Every():
            return one.total_nanoseconds == other.total_nanoseconds
        case Cron(), Cron():
            if one.fields is not None and other.fields is not None and one.fields.values == other.fields.values:
                return True
            return same_text(one.expression, other.expression)
    return one == other


def portable(specification: Specification) -> Specification:
    """The specification in the form that all releases read alike: names for numeric weekdays of a cron expression."""
    if isinstance(specification, Cron) and specification.fields is not None:
        return Cron(specification.fields.portable, specification.fields)
    return specification


def depends_on_server(catalog_json: str) -> bool:
    """Whether what the table has is a cron expression with numeric weekdays, which servers count differently."""
    try:
        specification = parse_catalog(catalog_json)
    except ValueError:
        return False
    return isinstance(specification, Cron) and numbers_weekdays(specification.expression)


def _table(text: str, rest: str) -> Table:
    if not rest:
        raise SpecificationError(
            text, "table name is empty", "the table name is empty: write 'table:NAME' or 'all_tables'"
        )
    return Table(rest)


def _cron(text: str, rest: str) -> Cron:
    try:
        return Cron(rest, parse_cron(rest))
    except CronError as error:
        raise SpecificationError(text, None, f"{text!r}: {error}") from error


def _every(text: str, rest: str) -> Every:
    nanoseconds = parse_duration(rest)
    if nanoseconds is None:
        hint = f"{rest!r} is not a duration: write numbers with units (s, m, h, d, w, M, y), as in 'every:1h30m'"
        raise SpecificationError(text, "couldn't parse to duration", hint)
    if nanoseconds > YEAR:
        hint = f"{rest!r} is longer than one year, the longest interval that the API accepts"
        raise SpecificationError(text, "don't support every schedules of over 1 year", hint)
    if nanoseconds < MILLISECOND:
        hint = f"{rest!r} is shorter than one millisecond, which makes a real server fail: write at least 'every:1s'"
        raise SpecificationError(text, "couldn't parse to duration", hint)
    return Every(rest, nanoseconds)


def _request(text: str, rest: str) -> Request:
    if not rest:
        raise SpecificationError(text, None, "the request path is empty: write 'request:PATH'")
    return Request(rest)


_PARSERS: dict[str, Callable[[str, str], Specification]] = {
    "table:": _table,
    "cron:": _cron,
    "every:": _every,
    "request:": _request,
}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
