"""The memory limit of queries."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.sql import ROWS, DatabaseRef, QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sql_engine import SqlEngineUnderTest

HASHES = "SELECT md5(CAST(value AS VARCHAR)) AS hash FROM generate_series(1, {rows})"
KEPT = "SELECT array_agg(lpad(CAST(value AS VARCHAR), 200, 'x')) FROM generate_series(1, 500000)"
JOIN = "SELECT count(*) AS n FROM generate_series(1, 200000) a JOIN generate_series(1, 200000) b ON a.value = b.value"


@pytest.fixture
def small(fresh_engine: Callable[..., AbstractContextManager[SqlEngineUnderTest]]) -> Iterator[SqlEngineUnderTest]:
    with fresh_engine(memory_limit=20 * 2**20) as engine:
        engine.write(
            "\n".join(
                f"home,room=r{number} temp={number} {1_672_531_200_000_000_000 + number}" for number in range(3_000)
            )
        )
        yield engine


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (KEPT, "Failed to allocate additional"),
        ("SELECT count(*) FROM generate_series(1, 3000000) a JOIN generate_series(1, 3000000) b ON a.value = b.value",
         "Failed to allocate additional"),
        ("SELECT a.temp, b.temp FROM home a CROSS JOIN home b", "the result would take more memory"),
        ("SELECT a.room FROM home a, home b, home c", "the result would take more memory"),
        ("SELECT repeat('x', 30000000) AS x", "the result would take more memory"),
        ("SELECT arrow_cast(repeat('x', 1000), 'Dictionary(Int32, Utf8)') AS x FROM home a, home b WHERE b.temp < 10",
         "the result would take more memory"),
        ("SELECT range(1, 1000000) AS numbers", "the result would take more memory"),
        ("SELECT map([1, 2], [range(1, 1000000), NULL]) AS numbers", "the result would take more memory"),
        ("SELECT a.temp, b.temp FROM home a, home b, home c ORDER BY 1", "used disk space during the spilling"),
    ],
    ids=["aggregate", "join", "cross join", "tags", "text", "dictionary", "list", "map", "sorted cross join"],
)  # fmt: skip
def test_a_query_over_the_limit_fails_and_the_next_one_is_answered(
    small: SqlEngineUnderTest, sql: str, text: str
) -> None:
    for _ in range(2):
        status, error = small.failure(sql)
        assert (status, text in error) == (400, True), error
        assert small.rows(JOIN) == [{"n": 200_000}]


def test_the_highest_limit_works(fresh_engine: Callable[..., AbstractContextManager[SqlEngineUnderTest]]) -> None:
    with fresh_engine(memory_limit=2**63 - 1) as engine:
        assert engine.rows(JOIN) == [{"n": 200_000}]


def test_a_limit_of_zero_refuses_every_query(
    fresh_engine: Callable[..., AbstractContextManager[SqlEngineUnderTest]],
) -> None:
    with fresh_engine(memory_limit=0) as engine:
        status, text = engine.failure("SELECT 1")
        assert (status, "Resources exhausted" in text) == (400, True)


def test_a_stored_failure_holds_no_memory(small: SqlEngineUnderTest) -> None:
    kept = []
    for _ in range(3):
        with pytest.raises(QueryFailed) as caught:
            small.rows(KEPT)
        kept.append(caught.value)
        assert small.rows(JOIN) == [{"n": 200_000}]


def test_queries_that_run_at_once_share_the_memory(small: SqlEngineUnderTest) -> None:
    nearly_all = f"SELECT count(hash) AS n FROM (SELECT array_agg(hash) AS hash FROM ({HASHES.format(rows=1_000_000)}))"
    assert small.rows(nearly_all) == [{"n": 1}]

    async def ask_eight_times() -> list[bytes | BaseException]:
        asks = (small.sql.answer(DatabaseRef(1, "d1"), nearly_all, None, ROWS) for _ in range(8))
        return list(await asyncio.gather(*asks, return_exceptions=True))

    assert any(isinstance(answer, QueryFailed) for answer in small.run(ask_eight_times()))
    assert small.rows(nearly_all) == [{"n": 1}]


def test_groups_over_the_limit_are_written_to_disk(small: SqlEngineUnderTest) -> None:
    # a text of 32 characters for each group exceeds the limit
    assert small.rows(f"SELECT count(*) AS n FROM (SELECT DISTINCT hash FROM ({HASHES.format(rows=700_000)}))") == [
        {"n": 700_000}
    ]


@pytest.mark.parametrize(
    "bounds",
    [
        "time >= '2023-01-01' AND time < '2024-01-01'",
        "time > now() - INTERVAL '1 year' AND time <= now()",
        "time BETWEEN $start AND $stop",
    ],
)
def test_bins_of_a_nanosecond_over_a_year_are_refused_before_they_are_made(
    small: SqlEngineUnderTest, bounds: str
) -> None:
    sql = f"SELECT date_bin_gapfill(INTERVAL '1 nanosecond', time) AS t, avg(temp) FROM home WHERE {bounds} GROUP BY 1"
    params = {"start": "2023-01-01T00:00:00Z", "stop": "2023-12-31T23:59:59.999999999Z"} if "$" in bounds else None
    for query in (sql, f"WITH home AS (SELECT * FROM home), x AS ({sql}) SELECT count(*) FROM x"):
        status, text = small.failure(query, params)
        assert status == 400
        assert re.fullmatch(
            r"Resources exhausted: 31[56]\d{14} bins of date_bin_gapfill would take more memory than queries may have: "
            r"20\.0 MB \(--exec-mem-pool-bytes\)",
            text,
        )


@pytest.mark.parametrize(("stride", "bins"), [("1 day", 365), ("1 month", 12), ("1 year", 1), ("5 minutes", 105_120)])
def test_bins_within_the_limit_are_made(small: SqlEngineUnderTest, stride: str, bins: int) -> None:
    sql = (
        f"SELECT date_bin_gapfill(INTERVAL '{stride}', time) AS t, avg(temp) FROM home "
        "WHERE time >= '2023-01-01' AND time < '2024-01-01' GROUP BY 1"
    )
    assert small.rows(f"SELECT count(*) AS n FROM ({sql})") == [{"n": bins}]
