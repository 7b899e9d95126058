"""selector_first, selector_last, selector_min and selector_max."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influxdb3_embedded.sql import Format

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sql_engine import SqlEngineUnderTest

ROWS = (
    "cpu,host=a v=3,i=1i 10\ncpu,host=a v=1,i=2i 20\ncpu,host=a v=3,i=3i 30\ncpu,host=a i=4i 40\n"
    'cpu,host=b v=5,s="x" 15\ncpu,host=c i=9i 50'
)


def test_too_few_arguments_are_refused(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    assert engine.failure("SELECT selector_max(v) FROM cpu") == (
        400,
        "Error during planning: selector_max requires at least 2 arguments, got 1",
    )


@pytest.mark.parametrize(
    ("arguments", "kind"), [("time, v", "Float64"), ("v, i", "Int64"), ("v, host", "Dictionary(Int32, Utf8)")]
)
def test_a_second_argument_that_is_not_a_timestamp_is_refused(
    engine: SqlEngineUnderTest, arguments: str, kind: str
) -> None:
    engine.write(ROWS)
    assert engine.failure(f"SELECT host, selector_last({arguments})['value'] FROM cpu GROUP BY host") == (
        400,
        f"Error during planning: selector_last second argument must be a timestamp, but got {kind}",
    )


def test_an_unknown_column_fails_with_the_planners_text(engine: SqlEngineUnderTest) -> None:
    engine.write("cpu v=1 1")
    assert engine.failure("SELECT selector_first(nope, time) FROM cpu") == (
        400,
        "Schema error: No field named nope.\nValid fields are cpu.time, cpu.v.",
    )


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("selector_first", [("a", 3.0, 10), ("b", 5.0, 15), ("c", None, None)]),
        ("selector_last", [("a", 3.0, 30), ("b", 5.0, 15), ("c", None, None)]),
        ("selector_min", [("a", 1.0, 20), ("b", 5.0, 15), ("c", None, None)]),
        ("selector_max", [("a", 3.0, 10), ("b", 5.0, 15), ("c", None, None)]),
    ],
)
def test_a_selector_returns_value_and_time_of_a_row_that_has_the_value(
    engine: SqlEngineUnderTest, function: str, expected: list[tuple[Any, ...]]
) -> None:
    engine.write(ROWS)
    rows = engine.rows(
        f"SELECT host, {function}(v, time)['value'] AS v, {function}(v, time)['time'] AS t "
        "FROM cpu GROUP BY host ORDER BY host"
    )
    assert expected == [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(
    ("column", "value"),
    [("host", "c"), ("s", "x"), ("i", 9), ("v + 1", 6.0), ("CASE WHEN v > 4 THEN 'high' END", "high")],
)
def test_values_of_every_type_are_selected(engine: SqlEngineUnderTest, column: str, value: Any) -> None:
    engine.write(ROWS)
    assert engine.rows(f"SELECT selector_max({column}, time)['value'] AS x FROM cpu") == [{"x": value}]


def test_further_arguments_are_taken_from_the_selected_row(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    assert engine.text("SELECT selector_min(v, time, host, i, s) AS x FROM cpu", Format.JSON) == (
        '[{"x":{"value":1.0,"time":"1970-01-01T00:00:00.000000020","other_1":"a","other_2":2}}]'
    )


def test_a_selector_of_no_rows_is_null(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    assert engine.text("SELECT count(*) AS n, selector_last(v, time) AS x FROM cpu WHERE false", Format.JSON) == (
        '[{"n":0}]'
    )


def test_a_column_without_alias_has_the_servers_name(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    sql = "SELECT SELECTOR_FIRST(v, time)['value'], selector_max(v, c.time, i) FILTER (WHERE host = 'a') FROM cpu c"
    assert engine.parquet(sql).column_names == [
        "selector_first(c.v,c.time)[value]",
        'selector_max(c.v,c.time,c.i) FILTER (WHERE c.host = Utf8("a"))',
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT host FROM cpu GROUP BY host HAVING selector_last(i, time)['value'] > 3 "
            "ORDER BY selector_last(i, time)['time'] DESC LIMIT 1",
            [("c",)],
        ),
        (
            "WITH latest AS (SELECT host, selector_last(v, time) AS s FROM cpu GROUP BY host) "
            "SELECT a.host, a.s['value'] FROM latest a JOIN latest b ON a.host = b.host WHERE a.s IS NOT NULL "
            "ORDER BY 1",
            [("a", 3.0), ("b", 5.0)],
        ),
        (
            "SELECT date_bin(INTERVAL '20 nanoseconds', time) AS t, selector_last(i, time)['value'] FROM cpu "
            "WHERE host = 'a' GROUP BY t ORDER BY t",
            [(0, 1), (20, 3), (40, 4)],
        ),
        ("SELECT selector_first(v, time)['value'] FILTER (WHERE v < 3) FROM cpu", None),
        ("SELECT (selector_first(v, time) FILTER (WHERE v < 3 OR host = 'b'))['value'] FROM cpu", [(5.0,)]),
        (
            "SELECT 'selector_first(v)', selector_first(v, time /* , */)['value'] FROM cpu -- selector_last(",
            [("selector_first(v)", 3.0)],
        ),
    ],
)
def test_selectors_work_wherever_aggregates_work(
    engine: SqlEngineUnderTest, sql: str, expected: list[tuple[Any, ...]] | None
) -> None:
    engine.write(ROWS)
    if expected is None:
        assert engine.failure(sql)[0] == 400
    else:
        assert expected == [tuple(row.values()) for row in engine.rows(sql)]


def test_selectors_accept_parameters(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    sql = "SELECT selector_max(v * $factor, time)['value'] AS x FROM cpu WHERE host = $host"
    assert engine.rows(sql, {"factor": 2, "host": "a"}) == [{"x": 6.0}]


class Point(NamedTuple):
    host: str
    value: int | None
    time: int


MODELS: dict[str, Callable[[list[Point]], Point]] = {
    "selector_first": lambda points: min(points, key=lambda point: point.time),
    "selector_last": lambda points: max(points, key=lambda point: point.time),
    "selector_min": lambda points: min(points, key=lambda point: (point.value, point.time)),
    "selector_max": lambda points: min(points, key=lambda point: (-(point.value or 0), point.time)),
}


@settings(max_examples=40, deadline=None)
@given(
    points=st.lists(
        st.builds(Point, st.sampled_from("ab"), st.none() | st.integers(-3, 3), st.integers(0, 50)),
        min_size=1,
        unique_by=lambda point: (point.host, point.time),
    )
)
def test_selectors_agree_with_a_plain_model(
    fresh_engine: Callable[[], AbstractContextManager[SqlEngineUnderTest]], points: list[Point]
) -> None:
    selected = ", ".join(f"{name}(v, time)['value'], {name}(v, time)['time']" for name in MODELS)
    with fresh_engine() as engine:
        engine.write(
            "\n".join(
                f"m,host={point.host} x=1{'' if point.value is None else f',v={point.value}i'} {point.time}"
                for point in points
            )
            + "\nm,host=z v=0i 99"
        )
        rows = engine.rows(f"SELECT host, {selected} FROM m WHERE host <> 'z' GROUP BY host ORDER BY host")
    expected = []
    for host, group in groupby(sorted(points, key=lambda point: point.host), key=lambda point: point.host):
        valued = [point for point in group if point.value is not None]
        chosen = [model(valued) if valued else Point(host, None, 0) for model in MODELS.values()]
        expected.append((host, *(part for point in chosen for part in (point.value, point.time if valued else None))))
    assert expected == [tuple(row.values()) for row in rows]
