"""Trigger specifications as a program writes them; each returns the text that the API takes.

They only build the text: whether it can work is checked once, by the resource, which names the property at fault. What
they make of an output is an output.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, cast, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_text

Text = TypeVar("Text", str, pulumi.Output[str])

ALL_TABLES = "all_tables"
"""Run on writes to any table of the database."""


def table(name: Text) -> Text:
    """Run on writes to one table: ``table("cpu")``."""
    return _specification("table", "name", name)


def cron(expression: Text) -> Text:
    """Run by a cron expression in UTC with six fields: second minute hour day-of-month month day-of-week.

    Weekdays are 0-6 from Sunday, or names; both day fields have to match. ``cron("0 0 6 * * MON-FRI")`` is every
    weekday at six. A year (1970-2100) may follow as seventh field: ``cron("0 0 0 1 1 * 2030")``.
    """
    return _specification("cron", "expression", expression)


@overload
def every(interval: str | timedelta) -> str: ...
@overload
def every(interval: pulumi.Output[str] | pulumi.Output[timedelta]) -> pulumi.Output[str]: ...
def every(interval: Any) -> Any:
    """Run at the multiples of an interval since the Unix epoch: ``every("30s")`` or ``every(timedelta(minutes=5))``.

    At least a second, at most a year; units are s, m, h, d, w, M (30.44 days) and y (365.25 days).
    """
    if isinstance(interval, pulumi.Output):
        return interval.apply(every)
    if isinstance(interval, timedelta):
        from influxdb3_engine_api.duration import format_duration  # noqa: PLC0415 - few programs need it

        interval = format_duration(interval // timedelta(microseconds=1) * 1000)
    return _specification("every", "interval", interval)


def request(path: Text) -> Text:
    """Run when ``/api/v3/engine/PATH`` is called: ``request("report")``."""
    return _specification("request", "path", path)


def _specification(kind: str, argument: str, value: Text) -> Text:
    text: Any = as_text(f"{kind}(...)", argument, value)
    made = text.apply(lambda known: f"{kind}:{known}") if isinstance(text, pulumi.Output) else f"{kind}:{text}"
    return cast("Text", made)
