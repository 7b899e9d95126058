"""The log table's rows (contract 7.2)."""

from __future__ import annotations

import asyncio

from influxdb3_embedded.runner import LogBook, LogLevel


def test_the_oldest_rows_are_forgotten() -> None:
    logs = LogBook(capacity=3)
    for number in range(5):
        logs.append("t", LogLevel.INFO, str(number))
    assert [(row.sequence, row.text) for row in logs.rows()] == [(3, "2"), (4, "3"), (5, "4")]


def test_times_grow_from_row_to_row() -> None:
    logs = LogBook()
    for time_ns in (100, 100, 90, 200):
        logs.append("t", LogLevel.WARN, "", time_ns)
    assert [row.time_ns for row in logs.rows()] == [100, 101, 102, 200]


def test_the_log_can_be_followed() -> None:
    async def scenario() -> None:
        logs = LogBook()
        waiting = [asyncio.create_task(logs.wait(0)) for _ in range(2)]
        await asyncio.sleep(0)
        logs.append("t", LogLevel.ERROR, "one")
        assert [[row.text for row in await task] for task in waiting] == [["one"]] * 2
        logs.append("t", LogLevel.ERROR, "two")
        assert [row.text for row in await logs.wait(1)] == ["two"]

    asyncio.run(asyncio.wait_for(scenario(), 5))
