"""Query results as text, as Parquet and as rows for plugins."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from influxdb3_embedded.sql import Format, QueryFailed, UnsupportedTypeError, render, to_rows

if TYPE_CHECKING:
    from conftest import Engine

CPU = "cpu v=1 1000000000\ncpu v=2 1500000000\ncpu,host=a v=3 1000000000000000001"


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (
            Format.JSON,
            '[{"time":"1970-01-01T00:00:01","v":1.0},{"time":"1970-01-01T00:00:01.500","v":2.0},'
            '{"host":"a","time":"2001-09-09T01:46:40.000000001","v":3.0}]',
        ),
        (
            Format.JSONL,
            '{"time":"1970-01-01T00:00:01","v":1.0}\n{"time":"1970-01-01T00:00:01.500","v":2.0}\n'
            '{"host":"a","time":"2001-09-09T01:46:40.000000001","v":3.0}\n',
        ),
        (
            Format.CSV,
            "host,time,v\n,1970-01-01T00:00:01,1.0\n,1970-01-01T00:00:01.500,2.0\n"
            "a,2001-09-09T01:46:40.000000001,3.0\n",
        ),
        (
            Format.PRETTY,
            "+------+-------------------------------+-----+\n"
            "| host | time                          | v   |\n"
            "+------+-------------------------------+-----+\n"
            "|      | 1970-01-01T00:00:01           | 1.0 |\n"
            "|      | 1970-01-01T00:00:01.500       | 2.0 |\n"
            "| a    | 2001-09-09T01:46:40.000000001 | 3.0 |\n"
            "+------+-------------------------------+-----+",
        ),
    ],
)
def test_a_result_is_written_as_the_server_writes_it(engine: Engine, output: Format, text: str) -> None:
    engine.write(CPU)
    assert text == engine.text("SELECT * FROM cpu ORDER BY time", output)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (Format.JSON, "[]"),
        (Format.JSONL, ""),
        (Format.CSV, ""),
        (Format.PRETTY, "+------+---+\n| time | v |\n+------+---+\n+------+---+"),
    ],
)
def test_an_empty_result_is_written_as_the_server_writes_it(engine: Engine, output: Format, text: str) -> None:
    engine.write("cpu v=1 1")
    assert text == engine.text("SELECT * FROM cpu WHERE false", output)


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1", "1"),
        ("1e16", "1e16"),
        ("0.0000001", "1e-7"),
        ("CAST('NaN' AS DOUBLE)", "null"),
        ("true", "true"),
        ("'é \"q\" \\'", '"é \\"q\\" \\\\"'),
        ("18446744073709551615", "18446744073709551615"),
        ("to_timestamp(0)", '"1970-01-01T00:00:00"'),
        ("to_timestamp_millis(1)", '"1970-01-01T00:00:00.001"'),
        ("to_timestamp_micros(1)", '"1970-01-01T00:00:00.000001"'),
        ("arrow_cast(0, 'Timestamp(ns, \"UTC\")')", '"1970-01-01T00:00:00Z"'),
        ("arrow_cast(-1, 'Timestamp(ns)')", '"1969-12-31T23:59:59.999999999"'),
        ("arrow_cast(-9223372036854775807, 'Timestamp(ns)')", '"1677-09-21T00:12:43.145224193"'),
        ("make_array(arrow_cast(1, 'Timestamp(ns)'), NULL)", '["1970-01-01T00:00:00.000000001",null]'),
        ("named_struct('a', 1, 'b', to_timestamp(1))", '{"a":1,"b":"1970-01-01T00:00:01"}'),
        ("arrow_cast(x'00ff', 'Binary')", '"00ff"'),
        ("date '2024-02-29'", '"2024-02-29"'),
        ("make_array(1, 2)", "[1,2]"),
        ("make_array(1e16, CAST('NaN' AS DOUBLE))", "[1e16,null]"),
        ("named_struct('a', NULL, 'b', 1)", '{"b":1}'),
        ("interval '1 day'", '"1 days"'),
    ],
)
def test_a_value_is_written_as_json(engine: Engine, sql: str, value: str) -> None:
    assert f'[{{"x":{value}}}]' == engine.text(f"SELECT {sql} AS x", Format.JSON)


def test_nested_values_are_written_for_people_where_people_read(engine: Engine) -> None:
    value = "named_struct('a', 1.0, 'b', NULL, 'c', make_array(1, NULL))"
    assert "| {a: 1.0, b: , c: [1, ]} |" in engine.text(f"SELECT {value} AS x", Format.PRETTY)


def test_a_struct_that_is_null_is_left_out(engine: Engine) -> None:
    assert engine.text("SELECT 1 AS n, CASE WHEN false THEN named_struct('a', 1) END AS x", Format.JSON) == '[{"n":1}]'


def test_csv_quotes_what_would_be_misread(engine: Engine) -> None:
    assert engine.text("SELECT 'a,\"b\"\n' AS x, NULL AS y", Format.CSV) == 'x,y\n"a,""b""\n",\n'


def test_parquet_can_be_read_back(engine: Engine) -> None:
    engine.write(CPU)
    table = engine.table("SELECT * FROM cpu")
    assert to_rows(table) == to_rows(pq.read_table(io.BytesIO(render(table, Format.PARQUET))))


def test_parquet_refuses_a_type_that_it_does_not_have(engine: Engine) -> None:
    table = engine.table("SELECT INTERVAL '1 day' AS i")
    with pytest.raises(QueryFailed, match="not implemented") as caught:
        render(table, Format.PARQUET)
    assert caught.value.status == 405


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (pa.array(["a"], pa.large_utf8()), "a"),
        (pa.array(["a"], pa.string_view()), "a"),
        (pa.array(["a"]).dictionary_encode(), "a"),
        (pa.array([1], pa.int8()), 1),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([1.5], pa.float32()), 1.5),
        (pa.array([True]), True),
        (pa.array([None]), None),
        (pa.array([5], pa.timestamp("ns", "UTC")), 5),
        (pa.array([5], pa.timestamp("us")), 5_000),
        (pa.array([2**40], pa.timestamp("s")), 2**40 * 10**9),
    ],
)
def test_a_plugin_gets_plain_python_values(array: pa.Array, value: Any) -> None:
    (row,) = to_rows(pa.table({"x": array}))
    assert (type(value), value) == (type(row["x"]), row["x"])


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (pa.array([datetime.date(2024, 1, 1)]), "Date32"),
        (pa.array([[1]]), "List(Int64)"),
        (pa.array([datetime.timedelta(1)], pa.duration("ns")), "Duration(Nanosecond)"),
        (pa.array([datetime.time(1)], pa.time64("us")), "Time64(Microsecond)"),
    ],
)
def test_a_plugin_is_told_which_type_it_cannot_get(array: pa.Array, name: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        to_rows(pa.table({"x": array}))
    assert f"Unsupported data type: {name}" == str(caught.value)
