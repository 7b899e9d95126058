"""The functions that programs write specifications with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pulumi_influxdb3_engine import ALL_TABLES, cron, every, request, table


@pytest.mark.parametrize(
    ("specification", "text"),
    [
        (ALL_TABLES, "all_tables"),
        (table("cpu"), "table:cpu"),
        (cron("0 0 6 * * MON-FRI"), "cron:0 0 6 * * MON-FRI"),
        (every("30s"), "every:30s"),
        (every(timedelta(minutes=90)), "every:1h30m"),
        (every(timedelta(days=7)), "every:7d"),
        (every(timedelta(seconds=1, microseconds=500_000)), "every:1s500ms"),
        (request("report"), "request:report"),
    ],
)
def test_a_specification_is_the_text_that_the_api_takes(specification: str, text: str) -> None:
    assert specification == text
