"""date_bin_gapfill with locf and interpolate."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sql_engine import SqlEngineUnderTest

ROWS = (
    'cpu,host=a v=1,i=1i,u=9u 0\ncpu,host=a v=4,i=-4i,u=2u 30\ncpu,host=b v=5,s="x" 12\ncpu,host=b i=7i 35\ncpu v=7 21'
)
BIN = "date_bin_gapfill(INTERVAL '10 nanoseconds', time)"
WHERE = "WHERE time >= to_timestamp_nanos(0) AND time < to_timestamp_nanos(40)"
HOST_A = f"{WHERE} AND host = 'a'"


def tuples(engine: SqlEngineUnderTest, sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in engine.rows(sql, params)]


@pytest.mark.parametrize(
    ("where", "missing"),
    [
        ("", "both upper and lower time bounds"),
        ("WHERE host = 'a'", "both upper and lower time bounds"),
        ("WHERE time >= to_timestamp_nanos(0)", "upper time bound"),
        ("WHERE to_timestamp_nanos(9) >= time", "lower time bound"),
        ("WHERE time NOT BETWEEN to_timestamp_nanos(0) AND to_timestamp_nanos(9)", "both upper and lower time bounds"),
        (
            "WHERE time > to_timestamp_nanos(0) AND time < to_timestamp_nanos(9) OR v = 1",
            "both upper and lower time bounds",
        ),
    ],
)
def test_bounds_of_time_are_required(engine: SqlEngineUnderTest, where: str, missing: str) -> None:
    engine.write(ROWS)
    status, text = engine.failure(f"SELECT {BIN} AS t, avg(v) FROM cpu {where} GROUP BY t")
    assert status == 400
    assert text.startswith(f"Error during planning: gap-filling query is missing {missing}; it needs both in the WHERE")


@pytest.mark.parametrize("end", ["GROUP BY t,", "GROUP BY t, (", "GROUP BY t HAVING"])
def test_a_syntax_error_has_the_parsers_text(engine: SqlEngineUnderTest, end: str) -> None:
    engine.write(ROWS)
    status, text = engine.failure(f"SELECT {BIN} AS t, locf(avg(v)) FROM cpu {WHERE} {end}")
    assert (status, text.partition("(")[0]) == (400, "SQL error: ParserError")


@pytest.mark.parametrize(
    ("sql", "status", "text"),
    [
        ("SELECT locf(avg(v)) FROM cpu", 400, "locf may only be used in the SELECT list of a gap-filling query"),
        (
            "SELECT interpolate(v) FROM cpu",
            400,
            "interpolate may only be used in the SELECT list of a gap-filling query",
        ),
        (f"SELECT {BIN} FROM cpu {WHERE}", 400, "date_bin_gapfill may only be used as a GROUP BY expression"),
        (
            f"SELECT {BIN} AS t, {BIN} AS u FROM cpu {WHERE} GROUP BY t, u",
            400,
            "DATE_BIN_GAPFILL specified more than once",
        ),
        (
            f"SELECT CAST({BIN} AS DATE) AS t FROM cpu {WHERE} GROUP BY t",
            400,
            "DATE_BIN_GAPFILL must be a top-level expression in the GROUP BY clause when gap filling. It cannot "
            "be part of another expression or cast",
        ),
        (
            "SELECT date_bin_gapfill(time) AS t FROM cpu GROUP BY t",
            400,
            "DATE_BIN_GAPFILL expects 2 or 3 arguments, got 1",
        ),
        (
            "SELECT date_bin_gapfill(INTERVAL '1 day', now()) AS t FROM cpu GROUP BY t",
            400,
            "DATE_BIN_GAPFILL requires a column as the source argument",
        ),
        (
            f"SELECT {BIN} AS t, locf(v) FROM cpu {WHERE} GROUP BY t",
            400,
            "locf must be called on an aggregate column in a gap-filling query",
        ),
        (
            f"SELECT {BIN} AS t, locf(avg(v)) FROM cpu {WHERE} GROUP BY t HAVING count(*) > 0",
            400,
            "locf may only be used in the SELECT list of a gap-filling query",
        ),
    ],
)
def test_misuse_is_refused_with_the_servers_text(engine: SqlEngineUnderTest, sql: str, status: int, text: str) -> None:
    engine.write(ROWS)
    assert (status, f"Error during planning: {text}") == engine.failure(sql)


def test_two_fillings_of_one_aggregate_are_refused(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    assert engine.failure(f"SELECT {BIN} AS t, locf(avg(v)), interpolate(avg(v)) FROM cpu {WHERE} GROUP BY t") == (
        405,
        "This feature is not implemented: multiple fill strategies for the same column",
    )


def test_text_is_not_interpolated(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    status, text = engine.failure(f"SELECT {BIN} AS t, interpolate(max(s)) FROM cpu {WHERE} GROUP BY t")
    assert (status, text) == (400, "Execution error: unsupported data type Utf8 for interpolation gap filling")


@pytest.mark.parametrize(
    ("function", "instead"),
    [
        ("difference(v) OVER (ORDER BY time)", "lag(value)"),
        ("non_negative_derivative(v) OVER (ORDER BY time)", "lag(value)"),
        ("influx_regex_match(host, 'a')", "regexp_like"),
        ("date_bin_wallclock(INTERVAL '1 day', time)", "date_bin makes bins of UTC"),
        ("date_bin_wallclock_gapfill(INTERVAL '1 day', time)", "date_bin_gapfill makes bins of UTC"),
    ],
)
def test_a_function_that_is_missing_is_refused_with_an_alternative(
    engine: SqlEngineUnderTest, function: str, instead: str
) -> None:
    engine.write(ROWS)
    status, text = engine.failure(f"SELECT {function} FROM cpu")
    name = function.partition("(")[0]
    assert status == 405
    assert text.startswith(f"This feature is not implemented: {name} is not available in the embedded engine; ")
    assert instead in text


@pytest.mark.parametrize(
    "where", [f"{WHERE} AND v > 100", "WHERE time > now() - INTERVAL '50 nanoseconds' AND time <= now()"]
)
@pytest.mark.parametrize("keys", ["t", "t, host"])
def test_no_rows_give_no_bins(engine: SqlEngineUnderTest, where: str, keys: str) -> None:
    engine.write(ROWS)
    assert engine.rows(f"SELECT {BIN} AS t, count(*) FROM cpu {where} GROUP BY {keys}") == []


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("avg(v)", [1.0, None, None, 4.0]),
        ("count(v)", [1, 0, 0, 1]),
        ("count(*)", [1, 0, 0, 1]),
        ("approx_distinct(i)", [1, 0, 0, 1]),
        ("coalesce(sum(v), -1)", [1.0, -1.0, -1.0, 4.0]),
        ("locf(avg(v))", [1.0, 1.0, 1.0, 4.0]),
        ("locf(count(*))", [1, 1, 1, 1]),
        ("interpolate(avg(v))", [1.0, 2.0, 3.0, 4.0]),
        ("interpolate(max(i))", [1, 0, -2, -4]),
        ("interpolate(max(u))", [9, 6, 4, 2]),
        ("round(interpolate(avg(v)) * 2 + 0.25, 1)", [2.3, 4.3, 6.3, 8.3]),
        ("locf(selector_last(v, time))['value']", [1.0, 1.0, 1.0, 4.0]),
        ("interpolate(selector_last(v, time))['value']", [1.0, 2.0, 3.0, 4.0]),
        ("interpolate(selector_last(v, time))['time']", [0, None, None, 30]),
        ("selector_last(v, time)['time']", [0, None, None, 30]),
        ("sum(v) FILTER (WHERE v > 1)", [None, None, None, 4.0]),
        ("lag(max(v)) OVER (ORDER BY max(i) DESC NULLS LAST)", [None, 4.0, None, 1.0]),
        ("CASE WHEN avg(v) IS NULL THEN 'gap' ELSE 'data' END", ["data", "gap", "gap", "data"]),
    ],
)
def test_a_bin_without_data_is_filled(engine: SqlEngineUnderTest, aggregate: str, expected: list[Any]) -> None:
    engine.write(ROWS)
    rows = tuples(engine, f"SELECT {BIN} AS t, {aggregate} AS x FROM cpu {HOST_A} GROUP BY t ORDER BY t")
    if "OVER" in aggregate:  # the two gaps are equal, so their order is not defined
        assert sorted(map(str, expected)) == sorted(str(value) for _, value in rows)
    else:
        assert list(zip([0, 10, 20, 30], expected, strict=True)) == rows


def test_each_series_is_filled_separately_and_comes_as_a_whole(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    rows = tuples(engine, f"SELECT host, {BIN} AS t, locf(max(v)) FROM cpu {WHERE} GROUP BY t, host")
    assert rows == [
        *((None, time, 7.0 if time >= 20 else None) for time in (0, 10, 20, 30)),
        *(("a", time, 4.0 if time >= 30 else 1.0) for time in (0, 10, 20, 30)),
        *(("b", time, 5.0 if time >= 10 else None) for time in (0, 10, 20, 30)),
    ]


@pytest.mark.parametrize(
    ("where", "bins"),
    [
        ("time BETWEEN to_timestamp_nanos(5) AND to_timestamp_nanos(40)", [0, 10, 20, 30, 40]),
        ("(time > to_timestamp_nanos(9) AND (time <= to_timestamp_nanos(39))) AND v > 0", [10, 20, 30]),
        ("to_timestamp_nanos(0) <= time AND to_timestamp_nanos(40) > cpu.time", [0, 10, 20, 30]),
        ("\"time\" >= '1970-01-01T00:00:00Z' AND time < timestamp '1970-01-01T00:00:00.000000031'", [0, 10, 20, 30]),
        ("time >= $from AND time < $to", [0, 10, 20, 30]),
        ("time >= now() - (now() - to_timestamp_nanos(0)) AND time < to_timestamp_nanos(40)", [0, 10, 20, 30]),
    ],
)
def test_bins_cover_the_range_between_the_bounds(engine: SqlEngineUnderTest, where: str, bins: list[int]) -> None:
    engine.write(ROWS)
    sql = f"SELECT {BIN} AS t FROM cpu WHERE {where} GROUP BY t ORDER BY t"
    params = {"from": "1970-01-01T00:00:00", "to": "1970-01-01T00:00:00.000000040"} if "$" in where else None
    assert [(time,) for time in bins] == tuples(engine, sql, params)


@pytest.mark.parametrize(
    ("call", "bins"),
    [
        ("date_bin_gapfill('20 nanoseconds', time)", [0, 20]),
        ("date_bin_gapfill(INTERVAL '20 nanoseconds', cpu.time, to_timestamp_nanos(5))", [-15, 5, 25]),
        ("DATE_BIN_GAPFILL(INTERVAL '1 month', time)", [0]),
    ],
)
def test_interval_and_origin_mean_the_same_as_in_date_bin(
    engine: SqlEngineUnderTest, call: str, bins: list[int]
) -> None:
    engine.write(ROWS)
    rows = tuples(engine, f"SELECT {call} AS t FROM cpu {WHERE} GROUP BY t ORDER BY t")
    assert [(time,) for time in bins] == rows


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"SELECT {BIN}, max(v) FROM cpu {HOST_A} GROUP BY 1 ORDER BY 1 DESC LIMIT 2", [(30, 4.0), (20, None)]),
        (
            f"SELECT max(v) m, {BIN} t FROM cpu {HOST_A} GROUP BY {BIN} ORDER BY max(v) DESC NULLS LAST LIMIT 1",
            [(4.0, 30)],
        ),
        (
            f"SELECT c.host, {BIN} t FROM cpu AS c {WHERE} GROUP BY host, t HAVING count(*) > 0 ORDER BY c.host "
            "DESC NULLS LAST, t LIMIT 2",
            [("b", 10), ("b", 30)],
        ),
        (
            f"SELECT upper(host) h, {BIN} t, sum(i) FROM cpu {HOST_A} GROUP BY upper(host), t OFFSET 2",
            [("A", 20, None), ("A", 30, -4)],
        ),
        (
            f"SELECT DISTINCT host, count(*) FROM cpu {HOST_A} GROUP BY host, {BIN} ORDER BY host, count(*)",
            [("a", 0), ("a", 1)],
        ),
        (f"SELECT sum(n) FROM (SELECT {BIN} AS t, count(*) AS n FROM cpu {WHERE} GROUP BY t) AS counted", [(5,)]),
        (
            f"WITH r AS (SELECT * FROM cpu), g AS (SELECT {BIN} AS t, locf(max(v)) AS m FROM r {HOST_A} GROUP BY "
            "t) SELECT a.m FROM g a JOIN g b ON a.t = b.t WHERE a.t > to_timestamp_nanos(10) ORDER BY a.t",
            [(1.0,), (4.0,)],
        ),
        (
            f"SELECT {BIN} AS t, max(v) FROM cpu {HOST_A} GROUP BY t UNION ALL SELECT {BIN} AS t, -max(v) FROM "
            f"cpu {HOST_A} GROUP BY t ORDER BY 1, 2 LIMIT 2",
            [(0, -1.0), (0, 1.0)],
        ),
        (
            f"SELECT o, {BIN} AS t FROM (SELECT time, host AS o FROM cpu) AS x {WHERE} AND o = 'a' GROUP BY t, o "
            "LIMIT 1",
            [("a", 0)],
        ),
        (
            f"SELECT date_bin_gapfill(INTERVAL '10 nanoseconds', t) AS b, count(*) FROM (SELECT {BIN} AS t, "
            f"count(*) AS n FROM cpu {HOST_A} GROUP BY t) AS x WHERE t >= to_timestamp_nanos(0) AND t < "
            "to_timestamp_nanos(50) GROUP BY b",
            [(0, 1), (10, 1), (20, 1), (30, 1), (40, 0)],
        ),
        (
            f"SELECT 'locf(1)' AS s, {BIN} AS t -- date_bin_gapfill(\nFROM cpu /* WHERE ) */ {HOST_A} GROUP BY t "
            "LIMIT 1",
            [("locf(1)", 0)],
        ),
    ],
)
def test_gaps_are_filled_in_every_place_of_a_statement(
    engine: SqlEngineUnderTest, sql: str, expected: list[tuple[Any, ...]]
) -> None:
    engine.write(ROWS)
    assert expected == tuples(engine, sql)


def test_a_column_without_alias_has_the_servers_name(engine: SqlEngineUnderTest) -> None:
    engine.write(ROWS)
    columns = f"{BIN}, host, cpu.host AS h, interpolate(avg(v)), locf(selector_first(v, time))"
    sql = f"SELECT {columns} FROM cpu {HOST_A} GROUP BY 1, host"
    assert engine.parquet(sql).column_names == [
        'date_bin_gapfill(IntervalMonthDayNano("IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 10 '
        '}"),cpu.time)',
        "host",
        "h",
        "interpolate(avg(cpu.v))",
        "locf(selector_first(cpu.v,cpu.time))",
    ]


def test_an_unknown_column_fails_with_the_planners_text(engine: SqlEngineUnderTest) -> None:
    engine.write("cpu v=1 1")
    assert engine.failure(f"SELECT {BIN} AS t, locf(avg(nope)) FROM cpu {WHERE} GROUP BY t") == (
        400,
        "Schema error: No field named nope.\nValid fields are cpu.time, cpu.v.",
    )


Series = list[float | None]


def carried_forward(values: Series) -> Series:
    last: float | None = None
    return [last := last if value is None else value for value in values]


def interpolated(values: Series) -> Series:
    known = [index for index, value in enumerate(values) if value is not None]
    result = list(values)
    for left, right in pairwise(known):
        start, end = values[left], values[right]
        assert start is not None
        assert end is not None
        for index in range(left + 1, right):
            result[index] = (end - start) / ((right - left) * 10) * ((index - left) * 10) + start
    return result


@settings(max_examples=40, deadline=None)
@given(
    points=st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.integers(0, 99)), st.none() | st.integers(-9, 9), min_size=1
    ),
    end=st.integers(1, 99),
)
def test_fillings_agree_with_a_plain_model(
    fresh_engine: Callable[[], AbstractContextManager[SqlEngineUnderTest]],
    points: dict[tuple[str, int], int | None],
    end: int,
) -> None:
    columns = "max(v), count(*), locf(min(v)), interpolate(sum(v))"
    with fresh_engine() as engine:
        engine.write(
            "\n".join(
                f"m,host={host} x=1{'' if value is None else f',v={value}'} {time}"
                for (host, time), value in points.items()
            )
            + "\nm,host=z v=0 999"
        )
        where = f"WHERE time >= to_timestamp_nanos(0) AND time < to_timestamp_nanos({end})"
        rows = tuples(engine, f"SELECT host, {BIN} AS t, {columns} FROM m {where} GROUP BY host, t")

    groups: dict[str, dict[int, Series]] = defaultdict(lambda: defaultdict(list))
    for (host, time), value in points.items():
        if time < end:
            groups[host][time // 10].append(value)
    expected: list[tuple[Any, ...]] = []
    for host, bins in sorted(groups.items()):
        data = [[value for value in bins.get(index, []) if value is not None] for index in range((end - 1) // 10 + 1)]
        expected += zip(
            [host] * len(data),
            range(0, end, 10),
            [max(values, default=None) for values in data],
            [len(bins.get(index, [])) for index in range(len(data))],
            carried_forward([min(values, default=None) for values in data]),
            [
                value and pytest.approx(value)
                for value in interpolated([sum(values) if values else None for values in data])
            ],
            strict=True,
        )
    assert expected == rows
