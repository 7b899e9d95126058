"""Query results in each format, and as rows for plugins."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from influxdb3_embedded.sql import Format, UnsupportedTypeError, to_rows

if TYPE_CHECKING:
    from sql_engine import SqlEngineUnderTest

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
def test_a_result_is_written_as_a_real_server_writes_it(engine: SqlEngineUnderTest, output: Format, text: str) -> None:
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
def test_an_empty_result_is_written_as_a_real_server_writes_it(
    engine: SqlEngineUnderTest, output: Format, text: str
) -> None:
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
        ("named_struct('a', 1, 'b', to_timestamp(1))", '{"a":1,"b":"1970-01-01T00:00:00.000000001"}'),
        ("arrow_cast(x'00ff', 'Binary')", '"00ff"'),
        ("date '2024-02-29'", '"2024-02-29"'),
        ("make_array(1, 2)", "[1,2]"),
        ("make_array(1e16, CAST('NaN' AS DOUBLE))", "[1e16,null]"),
        ("named_struct('a', NULL, 'b', 1)", '{"b":1}'),
        ("interval '1 day'", '"1 days"'),
        ("interval '1 month 2 days 3.5 seconds'", '"1 mons 2 days 3.500000000 secs"'),
        ("to_timestamp_seconds(90) - to_timestamp_seconds(0)", '"PT90S"'),
        ("arrow_cast(-1500000001, 'Duration(ns)')", '"-PT1.500000001S"'),
        ("to_timestamp(0) - to_timestamp(0)", '"P0D"'),
        ("arrow_cast(arrow_cast(1, 'Time64(ns)'), 'Time64(ns)')", '"00:00:00.000000001"'),
        ("arrow_cast(253402300800, 'Timestamp(s)')", '"+10000-01-01T00:00:00"'),
        ("map(['a', 'b'], [1, NULL])", '{"a":1}'),
        ("arrow_cast(make_array(1), 'FixedSizeList(1, Int64)')", "[1]"),
    ],
)
def test_a_value_is_written_as_json(engine: SqlEngineUnderTest, sql: str, value: str) -> None:
    assert f'[{{"x":{value}}}]' == engine.text(f"SELECT {sql} AS x", Format.JSON)


_ZONED = "arrow_cast(arrow_cast({time}, 'Timestamp({unit}, \"UTC\")'), 'Timestamp({unit}, \"{zone}\")')"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("UTC", ["2024-01-01T08:00:00Z", "2024-07-01T00:00:00Z"]),
        ("Etc/UTC", ["2024-01-01T08:00:00Z", "2024-07-01T00:00:00Z"]),
        ("America/Los_Angeles", ["2024-01-01T00:00:00-08:00", "2024-06-30T17:00:00-07:00"]),
        ("Europe/London", ["2024-01-01T08:00:00Z", "2024-07-01T01:00:00+01:00"]),
        ("Asia/Kolkata", ["2024-01-01T13:30:00+05:30", "2024-07-01T05:30:00+05:30"]),
        ("+05:45", ["2024-01-01T13:45:00+05:45", "2024-07-01T05:45:00+05:45"]),
        ("-00:30", ["2024-01-01T07:30:00-00:30", "2024-06-30T23:30:00-00:30"]),
    ],
)
def test_a_time_with_a_zone_is_written_with_its_offset(
    engine: SqlEngineUnderTest, unit: str, zone: str, written: list[str]
) -> None:
    engine.write("home temp=1 1704096000000000000\nhome temp=2 1719792000000000000")
    sql = f"SELECT {_ZONED.format(time='time', unit=unit, zone=zone)} AS time FROM home ORDER BY temp"
    assert engine.text(sql, Format.CSV).split() == ["time", *written]
    assert engine.text(sql, Format.JSONL).split() == [f'{{"time":"{time}"}}' for time in written]
    assert engine.text(sql, Format.JSON) == f"[{','.join(engine.text(sql, Format.JSONL).split())}]"
    assert [f"| {time}" in engine.text(sql, Format.PRETTY) for time in written] == [True, True]
    (column,) = engine.parquet(sql).columns
    assert column.type.tz == zone
    assert [row["time"] for row in engine.rows(sql)] == [1704096000000000000, 1719792000000000000]


@pytest.mark.parametrize(
    ("nested", "written"),
    [
        ("make_array({time}, NULL)", '["2024-01-01T09:00:00.000000001+01:00",null]'),
        ("named_struct('a', {time})", '{{"a":"2024-01-01T09:00:00.000000001+01:00"}}'),
        ("map(['a'], [{time}])", '{{"a":"2024-01-01T09:00:00.000000001+01:00"}}'),
        ("make_array(named_struct('a', {time}))", '[{{"a":"2024-01-01T09:00:00.000000001+01:00"}}]'),
        ("arrow_cast(make_array({time}), 'LargeList({kind})')", '["2024-01-01T09:00:00.000000001+01:00"]'),
        ("arrow_cast(make_array({time}), 'FixedSizeList(1, {kind})')", '["2024-01-01T09:00:00.000000001+01:00"]'),
        ("arrow_cast({time}, 'Dictionary(Int32, {kind})')", '"2024-01-01T09:00:00.000000001+01:00"'),
    ],
)
def test_a_time_with_a_zone_keeps_its_offset_in_nested_values(
    engine: SqlEngineUnderTest, nested: str, written: str
) -> None:
    engine.write("home temp=1 1\nhome temp=2 1704096000000000001")
    kind = 'Timestamp(ns, "Europe/Paris")'
    value = nested.format(time=_ZONED.format(time="time", unit="ns", zone="Europe/Paris"), kind=kind)
    sql = f"SELECT {value} AS x FROM home ORDER BY temp LIMIT 1 OFFSET 1"
    assert engine.text(sql, Format.JSON) == f'[{{"x":{written.format()}}}]'


def test_the_day_of_a_time_zone_begins_at_its_midnight(engine: SqlEngineUnderTest) -> None:
    engine.write("home temp=1 1711852200000000000")  # 2024-03-31T02:30Z, the day on which Paris changes its clocks
    day = f"date_trunc('day', {_ZONED.format(time='time', unit='ns', zone='Europe/Paris')})"
    assert engine.text(f"SELECT {day} AS day FROM home", Format.JSON) == '[{"day":"2024-03-31T00:00:00+01:00"}]'


def test_a_time_that_is_too_far_away_fails_the_query(engine: SqlEngineUnderTest) -> None:
    _, text = engine.failure("SELECT arrow_cast(4611686018427387904, 'Timestamp(s)') AS x", output=Format.JSON)
    assert "Failed to convert 4611686018427387904 to datetime" in text


def test_a_long_list_keeps_its_order(engine: SqlEngineUnderTest) -> None:
    days = "array_agg(arrow_cast(value, 'Date32') ORDER BY value)"
    (row,) = json.loads(engine.text(f"SELECT {days} AS days FROM generate_series(0, 99999)", Format.JSON))
    epoch = datetime.date(1970, 1, 1)
    assert row["days"] == [str(epoch + datetime.timedelta(number)) for number in range(100_000)]


def test_the_pretty_format_writes_nested_values_for_people(engine: SqlEngineUnderTest) -> None:
    value = "named_struct('a', 1.0, 'b', NULL, 'c', make_array(1, NULL))"
    assert "| {a: 1.0, b: , c: [1, ]} |" in engine.text(f"SELECT {value} AS x", Format.PRETTY)


def test_a_struct_that_is_null_is_left_out(engine: SqlEngineUnderTest) -> None:
    assert engine.text("SELECT 1 AS n, CASE WHEN false THEN named_struct('a', 1) END AS x", Format.JSON) == '[{"n":1}]'


def test_csv_quotes_commas_quotes_and_line_ends(engine: SqlEngineUnderTest) -> None:
    assert engine.text("SELECT 'a,\"b\"\n' AS x, NULL AS y", Format.CSV) == 'x,y\n"a,""b""\n",\n'


def test_parquet_can_be_read_back(engine: SqlEngineUnderTest) -> None:
    engine.write(CPU)
    assert engine.rows("SELECT * FROM cpu") == to_rows(engine.parquet("SELECT * FROM cpu"))


def test_parquet_refuses_a_type_that_it_lacks(engine: SqlEngineUnderTest) -> None:
    status, text = engine.failure("SELECT INTERVAL '1 day' AS i", output=Format.PARQUET)
    assert (status, "not implemented" in text) == (405, True)


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
def test_an_unsupported_type_is_named_in_the_error(array: pa.Array, name: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        to_rows(pa.table({"x": array}))
    assert f"Unsupported data type: {name}" == str(caught.value)
