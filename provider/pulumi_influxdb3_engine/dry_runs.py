"""Dry runs that a plugin has to pass before a change of it goes live."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from pulumi_influxdb3_engine._arguments import as_texts, is_later, listed, source_text, when_known
from pulumi_influxdb3_engine._sources import SourceError

Arguments = pulumi.Input[Mapping[str, pulumi.Input[str | int | float | bool]]]
"""A plugin's ``args``, which is text: numbers and booleans are converted."""

ExpectedLine = pulumi.Input[str | re.Pattern[str]]
"""A line of line protocol, or an expression that a whole line matches: compiled, or as the text ``/EXPRESSION/``."""

ExpectedWrites = pulumi.Input[Sequence[ExpectedLine] | Mapping[str, pulumi.Input[Sequence[ExpectedLine]]]]
"""All that a plugin should write: lines for the dry run's own database, or by database."""


@dataclass(frozen=True, kw_only=True)
class WalTest:
    """A dry run of a WAL plugin on some line protocol; nothing is written.

    Attributes:
        input_lp: What the plugin gets, as line protocol with timestamps in nanoseconds; checked against the tables of
            ``database`` if that exists.
        arguments: The plugin's ``args``.
        expect_writes: What the plugin should write, all of it, in any order; ``None`` expects nothing in particular,
            ``[]`` that it writes nothing. A line without a timestamp meets one with any.
        database: Where the plugin runs; default: the stack's ``influxdb3:database``, or an empty one.

    Queries, files and network connections of the plugin are real (contract section 6).
    """

    input_lp: pulumi.Input[str]
    arguments: Arguments | None = None
    expect_writes: ExpectedWrites | None = None
    database: pulumi.Input[str] | None = None

    def as_property(self, where: str = "a dry run", path: str = "test") -> dict[str, Any]:
        """It as an input of a resource; errors name ``where`` and ``path``."""
        given = {"kind": "wal", "input_lp": source_text(where, f"{path}.input_lp", self.input_lp, python=False)}
        return given | _shared(where, path, self)


@dataclass(frozen=True, kw_only=True)
class ScheduleTest:
    """A dry run of a schedule plugin at the next time of a schedule; nothing is written.

    Attributes:
        schedule: A cron expression with six fields or seven, without ``cron:``; default: every second.
        arguments: The plugin's ``args``.
        expect_writes: What the plugin should write, all of it, in any order; ``None`` expects nothing in particular,
            ``[]`` that it writes nothing. A line without a timestamp meets one with any.
        database: Where the plugin runs, which has to exist; default: the stack's ``influxdb3:database``, or
            ``_internal``, which takes no writes.

    Queries, files and network connections of the plugin are real (contract section 6).
    """

    schedule: pulumi.Input[str] | None = None
    arguments: Arguments | None = None
    expect_writes: ExpectedWrites | None = None
    database: pulumi.Input[str] | None = None

    def as_property(self, where: str = "a dry run", path: str = "test") -> dict[str, Any]:
        """It as an input of a resource; errors name ``where`` and ``path``."""
        given: dict[str, Any] = {"kind": "schedule"}
        if self.schedule is not None:
            given["schedule"] = self.schedule
        return given | _shared(where, path, self)


DryRunTest = WalTest | ScheduleTest
_NO_DRY_RUN = "{where}: test is a WalTest or a ScheduleTest, or a list of them"


def dry_runs_property(where: str, tests: Any) -> Any:
    """One or several dry runs as an input of a resource, or an output of it; None if there are none.

    Raises:
        SourceError: They are something else. In the output, if they are one.
    """
    if is_later(tests):
        return when_known(partial(dry_runs_property, where), tests)
    if tests is None:
        return None
    several = [tests] if isinstance(tests, DryRunTest) else tests
    if isinstance(several, str) or not isinstance(several, Sequence):
        raise SourceError(_NO_DRY_RUN.format(where=where))
    return [when_known(partial(_dry_run_property, where, number), test) for number, test in enumerate(several)]


def _dry_run_property(where: str, number: int, test: Any) -> dict[str, Any]:
    if not isinstance(test, DryRunTest):
        raise SourceError(_NO_DRY_RUN.format(where=where))
    return test.as_property(where, f"test[{number}]")


def _shared(where: str, path: str, test: DryRunTest) -> dict[str, Any]:
    given = {
        "arguments": as_texts(where, f"{path}.arguments", test.arguments),
        "expect_writes": _lines(where, f"{path}.expect_writes", test.expect_writes),
        "database": test.database,
    }
    return {name: value for name, value in given.items() if value is not None}


def _lines(where: str, path: str, writes: Any) -> Any:
    if is_later(writes):
        return when_known(partial(_lines, where, path), writes)
    if isinstance(writes, Mapping):
        return {database: _expected(where, f"{path}[{database!r}]", lines) for database, lines in writes.items()}
    return _expected(where, path, writes)


def _expected(where: str, path: str, lines: Any) -> Any:
    if is_later(lines):
        return when_known(partial(_expected, where, path), lines)
    given = listed(where, path, lines)
    return [when_known(_line, each) for each in given] if isinstance(given, list) else given


def _line(expected: Any) -> Any:
    if not isinstance(expected, re.Pattern):
        return expected
    if expected.flags & ~re.UNICODE:
        raise SourceError("expect_writes: write flags of a regular expression into it, as in (?i)")
    return f"/{expected.pattern}/"
