"""Trigger specifications as a program writes them; each returns the text that the API takes.

They only build the text: whether it can work is checked once, by the resource, which names the property at fault.
"""

from __future__ import annotations

from datetime import timedelta

ALL_TABLES = "all_tables"
"""Run on writes to any table of the database."""


def table(name: str) -> str:
    """Run on writes to one table: ``table("cpu")``."""
    return f"table:{name}"


def cron(expression: str) -> str:
    """Run by a cron expression in UTC with six fields: second minute hour day-of-month month day-of-week.

    Weekdays are 0-6 from Sunday, or names; both day fields have to match. ``cron("0 0 6 * * MON-FRI")`` is every
    weekday at six. A year (1970-2100) may follow as seventh field: ``cron("0 0 0 1 1 * 2030")``.
    """
    return f"cron:{expression}"


def every(interval: str | timedelta) -> str:
    """Run at the multiples of an interval since the Unix epoch: ``every("30s")`` or ``every(timedelta(minutes=5))``.

    At least a second, at most a year; units are s, m, h, d, w, M (30.44 days) and y (365.25 days).
    """
    if isinstance(interval, timedelta):
        from influxdb3_engine_api.duration import format_duration  # noqa: PLC0415 - few programs need it

        return f"every:{format_duration(interval // timedelta(microseconds=1) * 1000)}"
    return f"every:{interval}"


def request(path: str) -> str:
    """Run when ``/api/v3/engine/PATH`` is called: ``request("report")``."""
    return f"request:{path}"
