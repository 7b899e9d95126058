"""``tz`` and ``to_timestamp``, which DataFusion lacks or defines differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.sql import Format

if TYPE_CHECKING:
    from sql_engine import SqlEngineUnderTest

NEW_YEAR = "home temp=1 1704067200000000000"  # 2024-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("tz(time)", "2024-01-01T00:00:00Z"),
        ("tz(time, 'UTC')", "2024-01-01T00:00:00Z"),
        ("TZ(time, 'America/Los_Angeles')", "2023-12-31T16:00:00-08:00"),
        ("tz(home.time, '+05:30')", "2024-01-01T05:30:00+05:30"),
        ("tz(tz(time, 'Europe/Paris'), 'Asia/Tokyo')", "2024-01-01T09:00:00+09:00"),
        ("tz(time AT TIME ZONE 'Europe/Paris')", "2023-12-31T23:00:00Z"),
        ("date_trunc('day', tz(to_timestamp(1704067199999999999), 'Europe/Paris'))", "2024-01-01T00:00:00+01:00"),
        ("tz(max(time), 'Europe/Paris')", "2024-01-01T01:00:00+01:00"),
    ],
)
def test_tz_shows_a_time_in_a_zone(engine: SqlEngineUnderTest, expression: str, written: str) -> None:
    engine.write(NEW_YEAR)
    assert engine.text(f"SELECT {expression} AS x FROM home", Format.JSON) == f'[{{"x":"{written}"}}]'


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("tz(time, 'Nowhere/City')", 'TZ requires a valid timezone string, got "Nowhere/City"'),
        ("tz(time, room)", "tz requires its second argument to be a timezone string, got room"),
        ("tz()", "tz expects 1 or 2 arguments, got 0"),
        ("tz(time, 'UTC', 1)", "tz expects 1 or 2 arguments, got 3"),
    ],
)
def test_a_wrong_call_of_tz_fails_with_the_servers_text(engine: SqlEngineUnderTest, expression: str, text: str) -> None:
    engine.write("home,room=a temp=1 1")
    assert engine.failure(f"SELECT {expression} FROM home") == (400, f"Error during planning: {text}")


@pytest.mark.parametrize(
    ("expression", "time"),
    [
        ("to_timestamp(1704067200000000000)", 1704067200000000000),
        ("to_timestamp(1)", 1),
        ("to_timestamp(-1)", -1),
        ("to_timestamp('2024-01-01T00:00:00Z')", 1704067200000000000),
        ("to_timestamp('01.01.2024 00', '%d.%m.%Y %H')", 1704067200000000000),
        ("to_timestamp(time)", 1704067200000000000),
        ("to_timestamp(arrow_cast(time, 'Timestamp(s)'))", 1704067200000000000),
        ("to_timestamp(CAST(temp AS BIGINT))", 1),
        ("to_timestamp(CAST(to_timestamp(5) AS BIGINT))", 5),
    ],
)
def test_to_timestamp_takes_whole_numbers_as_nanoseconds(
    engine: SqlEngineUnderTest, expression: str, time: int
) -> None:
    engine.write(NEW_YEAR)
    assert engine.rows(f"SELECT {expression} AS x FROM home") == [{"x": time}]
    assert engine.rows(f"SELECT temp FROM home WHERE {expression} IS NOT NULL") == [{"temp": 1.0}]


@pytest.mark.parametrize(
    "expression",
    ["tz(home.time)", 'tz(home.time,Utf8("Europe/Paris"))', "to_timestamp(Int64(1))", "to_timestamp_nanos(Int64(1))"],
)
def test_columns_without_alias_are_named_after_the_function(engine: SqlEngineUnderTest, expression: str) -> None:
    engine.write(NEW_YEAR)
    written = expression.replace('Utf8("', "'").replace('")', "')").replace("'))", "')").replace("Int64(1)", "1")
    assert engine.parquet(f"SELECT {written} FROM home").column_names == [expression]


def test_a_syntax_error_has_positions_in_the_query_that_was_sent(engine: SqlEngineUnderTest) -> None:
    assert engine.failure("SELECT tz(now()) FROM )")[1].endswith('found: ) at Line: 1, Column: 23")')


def test_a_query_may_have_thousands_of_calls(engine: SqlEngineUnderTest) -> None:
    calls = ", ".join(f"to_timestamp({number}) AS x{number}" for number in range(2_000))
    assert len(engine.parquet(f"SELECT {calls}").column_names) == 2_000
