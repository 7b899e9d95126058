"""Dry runs that a plugin has to pass before a change of the plugin goes live."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from pulumi_influxdb3_engine._arguments import as_list, as_text_mapping, is_pending, source_text, when_known
from pulumi_influxdb3_engine._sources import SourceError

Arguments = pulumi.Input[Mapping[str, pulumi.Input[str | int | float | bool]]]
"""A plugin's ``args``. Plugins get text: numbers and booleans are converted."""

ExpectedLine = pulumi.Input[str | re.Pattern[str]]
"""A line of line protocol, or a regular expression for the whole line: compiled, or as the text ``/EXPRESSION/``."""

ExpectedWrites = pulumi.Input[Sequence[ExpectedLine] | Mapping[str, pulumi.Input[Sequence[ExpectedLine]]]]
"""All lines that a plugin should write: a list for the dry run's own database, or a mapping from database to list."""


@dataclass(frozen=True, kw_only=True)
class WalTest:
    """A dry run of a WAL plugin: the server calls the plugin with line protocol and writes nothing.

    Attributes:
        input_lp: The rows that the plugin gets, as line protocol with timestamps in nanoseconds. The server checks them
            against the tables of ``database``, if it exists.
        arguments: The plugin's ``args``; default: no arguments.
        expect_writes: All lines that the plugin should write, in any order. ``[]``: the plugin writes nothing. An
            expected line without a timestamp matches any timestamp. Default: not checked.
        database: The database that the plugin queries; default: the stack's ``influxdb3:database``, or an empty one.

    The plugin's queries, files and network connections are real (contract section 6).
    """

    input_lp: pulumi.Input[str]
    arguments: Arguments | None = None
    expect_writes: ExpectedWrites | None = None
    database: pulumi.Input[str] | None = None

    def as_property(self, where: str = "a dry run", path: str = "test") -> dict[str, Any]:
        """It as an input of a resource; errors name ``where`` and ``path``."""
        own = {"kind": "wal", "input_lp": source_text(where, f"{path}.input_lp", self.input_lp, python=False)}
        return own | _shared_properties(where, path, self)


@dataclass(frozen=True, kw_only=True)
class ScheduleTest:
    """A dry run of a schedule plugin: the server calls the plugin once and writes nothing.

    Attributes:
        schedule: A cron expression with six or seven fields, without ``cron:``. Its next time is the plugin's
            ``call_time``. Default: every second.
        arguments: The plugin's ``args``; default: no arguments.
        expect_writes: All lines that the plugin should write, in any order. ``[]``: the plugin writes nothing. An
            expected line without a timestamp matches any timestamp. Default: not checked.
        database: The database that the plugin queries; it has to exist. Default: the stack's ``influxdb3:database``, or
            ``_internal``, which takes no writes.

    The plugin's queries, files and network connections are real (contract section 6).
    """

    schedule: pulumi.Input[str] | None = None
    arguments: Arguments | None = None
    expect_writes: ExpectedWrites | None = None
    database: pulumi.Input[str] | None = None

    def as_property(self, where: str = "a dry run", path: str = "test") -> dict[str, Any]:
        """It as an input of a resource; errors name ``where`` and ``path``."""
        own: dict[str, Any] = {"kind": "schedule"}
        if self.schedule is not None:
            own["schedule"] = self.schedule
        return own | _shared_properties(where, path, self)


DryRunTest = WalTest | ScheduleTest
_NOT_A_DRY_RUN = "{where}: test is a WalTest or a ScheduleTest, or a list of them"


def dry_runs_property(where: str, tests: Any) -> Any:
    """One or several dry runs as an input of a resource, or an output of it; None if ``tests`` is None.

    Raises:
        SourceError: ``tests`` is something else. For an output, the returned output fails with this error.
    """
    if is_pending(tests):
        return when_known(partial(dry_runs_property, where), tests)
    if tests is None:
        return None
    several = [tests] if isinstance(tests, DryRunTest) else tests
    if isinstance(several, str) or not isinstance(several, Sequence):
        raise SourceError(_NOT_A_DRY_RUN.format(where=where))
    return [when_known(partial(_dry_run_property, where, number), test) for number, test in enumerate(several)]


def _dry_run_property(where: str, number: int, test: Any) -> dict[str, Any]:
    if not isinstance(test, DryRunTest):
        raise SourceError(_NOT_A_DRY_RUN.format(where=where))
    return test.as_property(where, f"test[{number}]")


def _shared_properties(where: str, path: str, test: DryRunTest) -> dict[str, Any]:
    properties = {
        "arguments": as_text_mapping(where, f"{path}.arguments", test.arguments),
        "expect_writes": _expected_writes(where, f"{path}.expect_writes", test.expect_writes),
        "database": test.database,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _expected_writes(where: str, path: str, writes: Any) -> Any:
    if is_pending(writes):
        return when_known(partial(_expected_writes, where, path), writes)
    if isinstance(writes, Mapping):
        return {database: _expected_lines(where, f"{path}[{database!r}]", lines) for database, lines in writes.items()}
    return _expected_lines(where, path, writes)


def _expected_lines(where: str, path: str, lines: Any) -> Any:
    if is_pending(lines):
        return when_known(partial(_expected_lines, where, path), lines)
    several = as_list(where, path, lines)
    return [when_known(_expected_line, line) for line in several] if isinstance(several, list) else several


def _expected_line(expected: Any) -> Any:
    if not isinstance(expected, re.Pattern):
        return expected
    if expected.flags & ~re.UNICODE:
        raise SourceError("expect_writes: a regular expression has its flags inside: write (?i), not re.IGNORECASE")
    return f"/{expected.pattern}/"
