"""Helpers that write trigger specifications as the API takes them.

The helpers only build the text. The trigger checks it during preview. For an output they return an output.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, cast, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_text

Text = TypeVar("Text", str, pulumi.Output[str])

ALL_TABLES = "all_tables"
"""Run the plugin on writes to any table of the database."""


def table(name: Text) -> Text:
    """Run the plugin on writes to one table: ``table("cpu")``."""
    return _specification("table", "name", name)


def cron(expression: Text) -> Text:
    """Run the plugin at the times of a cron expression, in UTC: ``cron("0 0 6 * * MON-FRI")``.

    The six fields are second, minute, hour, day of month, month and day of week. A year (1970-2100) may follow as
    seventh field. Weekdays are names, or 0-6 with Sunday as 0. Both day fields have to match.
    """
    return _specification("cron", "expression", expression)


@overload
def every(interval: str | timedelta) -> str: ...
@overload
def every(interval: pulumi.Output[str] | pulumi.Output[timedelta]) -> pulumi.Output[str]: ...
def every(interval: Any) -> Any:
    """Run the plugin at an interval: ``every("30s")`` or ``every(timedelta(minutes=5))``.

    Runs are at the multiples of the interval since the Unix epoch. The interval is at least a second and at most a
    year. Its units are s, m, h, d, w, M (30.44 days) and y (365.25 days).
    """
    if isinstance(interval, pulumi.Output):
        return interval.apply(every)
    if isinstance(interval, timedelta):
        from influxdb3_engine_api.duration import format_duration  # noqa: PLC0415 - few programs need it

        interval = format_duration(interval // timedelta(microseconds=1) * 1000)
    return _specification("every", "interval", interval)


def request(path: Text) -> Text:
    """Run the plugin when a client calls ``/api/v3/engine/PATH``: ``request("report")``."""
    return _specification("request", "path", path)


def _specification(kind: str, argument: str, value: Text) -> Text:
    text: Any = as_text(f"{kind}(...)", argument, value)
    made = text.apply(lambda known: f"{kind}:{known}") if isinstance(text, pulumi.Output) else f"{kind}:{text}"
    return cast("Text", made)
