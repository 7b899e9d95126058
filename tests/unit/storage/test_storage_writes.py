"""What a write stores and refuses, and what observers see."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.storage import (
    ColumnKind,
    EmptyWriteError,
    LimitExceededError,
    Limits,
    NotUtf8Error,
    Precision,
    TableExistsError,
    TableNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from started_storage import OpenStorage

    from influxdb3_embedded.model import TableBatch


@pytest.mark.parametrize("body", ["", "\n\n", "# only a comment", b""])
def test_a_write_without_lines_is_refused(storage: OpenStorage, body: str | bytes) -> None:
    with pytest.raises(EmptyWriteError, match=r"^incoming write was empty$"):
        storage.write(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"cpu v=1\xff", "body content is not valid utf8: invalid utf-8 sequence of 1 bytes from index 7"),
        (b"cpu v=\xe2\x82", "body content is not valid utf8: incomplete utf-8 byte sequence from index 6"),
    ],
)
def test_a_body_that_is_not_utf8_is_refused(storage: OpenStorage, body: bytes, text: str) -> None:
    with pytest.raises(NotUtf8Error) as caught:
        storage.write(body)
    assert text == str(caught.value)


def test_good_lines_are_stored_when_others_are_bad(storage: OpenStorage) -> None:
    outcome = storage.write("cpu v=1 1\ncpu v=bad 2\ncpu v=3 3")
    assert (outcome.lines_written, len(outcome.errors)) == (2, 1)
    assert [row["time"] for row in storage.rows("cpu")] == [1, 3]


def test_without_accept_partial_one_bad_line_refuses_all(storage: OpenStorage) -> None:
    outcome = storage.write("cpu v=1 1\ncpu v=bad 2", accept_partial=False)
    assert outcome.lines_written == 0
    assert [tuple(error) for error in outcome.errors] == [("No fields were provided", 2, "cpu v=bad 2", False)]
    assert storage.storage.tables(1) == []


def test_a_refused_line_adds_no_columns(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1\ncpu v=2i,new=1 2")
    assert {"v", "time"} == storage.storage.tables(1)[0].columns.keys()


def test_the_first_line_sets_the_kind_of_a_column(storage: OpenStorage) -> None:
    errors = storage.errors("cpu v=1i 1\ncpu v=1u 2\ncpu v=t 3\ncpu v=2i 4\ncpu,v=x w=1 5")
    assert [(message.rpartition(" ")[2], number) for message, number, _ in errors] == [
        ("iox::column_type::field::uinteger", 2),
        ("iox::column_type::field::boolean", 3),
        ("iox::column_type::tag", 5),
    ]
    assert [row["time"] for row in storage.rows("cpu")] == [1, 4]


def test_the_time_cannot_be_written_as_a_field_of_an_existing_table(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1")
    assert [error[0] for error in storage.errors("cpu time=5i")] == [
        "invalid column type for column 'time', expected iox::column_type::timestamp, "
        "got iox::column_type::field::integer"
    ]


def test_lines_without_a_timestamp_get_one_common_time(storage: OpenStorage) -> None:
    before = time.time_ns()
    storage.write("cpu,h=a v=1\ncpu,h=b v=2")
    first, second = storage.rows("cpu")
    assert first["time"] == second["time"]
    assert before <= first["time"] <= time.time_ns()


@pytest.mark.parametrize(
    ("precision", "written", "nanoseconds"),
    [
        (Precision.SECOND, 1, 10**9),
        (Precision.MILLISECOND, -1, -(10**6)),
        (Precision.MICROSECOND, 1, 1000),
        (Precision.NANOSECOND, 1, 1),
        (Precision.AUTO, 4_999_999_999, 4_999_999_999 * 10**9),
        (Precision.AUTO, 5_000_000_000, 5_000_000_000 * 10**6),
        (Precision.AUTO, 4_999_999_999_999, 4_999_999_999_999 * 10**6),
        (Precision.AUTO, 5_000_000_000_000, 5_000_000_000_000 * 10**3),
        (Precision.AUTO, 5_000_000_000_000_000, 5_000_000_000_000_000),
        (Precision.AUTO, -5_000_000_000_000_000, -5_000_000_000_000_000),
    ],
)
def test_timestamps_have_the_unit_of_the_write(
    storage: OpenStorage, precision: Precision, written: int, nanoseconds: int
) -> None:
    storage.write(f"cpu v=1 {written}", precision=precision)
    assert [nanoseconds] == [row["time"] for row in storage.rows("cpu")]


@pytest.mark.parametrize(
    ("precision", "written", "name"),
    [
        (Precision.SECOND, 9_223_372_037, "Second"),
        (Precision.SECOND, -9_223_372_037, "Second"),
        (Precision.MILLISECOND, 9_223_372_036_855, "Millisecond"),
        (Precision.MICROSECOND, 9_223_372_036_854_776, "Microsecond"),
    ],
)
def test_a_line_with_a_time_that_does_not_fit_nanoseconds_is_refused(
    storage: OpenStorage, precision: Precision, written: int, name: str
) -> None:
    (error,) = storage.write(f"cpu v=1 1\ncpu v=2 {written}", precision=precision).errors
    assert (error.line_number, error.message) == (2, f"timestamp, {written}, out of range for precision: {name}")
    assert len(storage.rows("cpu")) == 1


@pytest.mark.parametrize(
    ("precision", "unit"),
    [
        (Precision.SECOND, 10**9),
        (Precision.MILLISECOND, 10**6),
        (Precision.MICROSECOND, 10**3),
        (Precision.NANOSECOND, 1),
        (Precision.AUTO, 1),
    ],
)
def test_the_default_time_is_cut_to_the_precision_of_the_write(
    storage: OpenStorage, monkeypatch: pytest.MonkeyPatch, precision: Precision, unit: int
) -> None:
    now = 1_700_000_000_987_654_321
    monkeypatch.setattr(time, "time_ns", lambda: now)
    storage.write("cpu v=1\ncpu v=2 7", precision=precision)
    assert [row["time"] for row in storage.rows("cpu") if row["v"] == 1] == [now - now % unit]


def test_a_point_is_overwritten_field_by_field(storage: OpenStorage) -> None:
    storage.write("cpu,h=a v=1,w=1 5\ncpu,h=a v=2 5")
    storage.write("cpu,h=a x=3 5\ncpu v=9 5")
    assert sorted(storage.rows("cpu"), key=len, reverse=True) == [
        {"h": "a", "v": 2.0, "w": 1.0, "x": 3.0, "time": 5},
        {"v": 9.0, "time": 5},
    ]


def test_a_table_above_the_limit_is_refused(open_storage: Callable[..., OpenStorage]) -> None:
    storage = open_storage(limits=Limits(tables=2))
    outcome = storage.write("a v=1\nb v=1\nc v=1\na v=2 2")
    assert outcome.over_limit
    assert [error.message for error in outcome.errors] == [
        "Update to schema would exceed number of tables limit: attempted to create table but already have 2 table(s) "
        "(limit: 2)"
    ]
    assert outcome.lines_written == 3


def test_a_column_above_the_limit_is_refused(open_storage: Callable[..., OpenStorage]) -> None:
    storage = open_storage(limits=Limits(columns=3))
    outcome = storage.write("a v=1 1\na v=1,w=1 2\na x=1 3")
    assert [(error.message, error.line_number, error.over_limit) for error in outcome.errors] == [
        ("Update to schema would exceed number of columns per table limit of 3 columns", 3, True)
    ]
    with pytest.raises(LimitExceededError):
        storage.run(storage.storage.create_table(1, "b", ["t", "u"], [("v", ColumnKind.FLOAT)]))


def test_a_created_table_has_columns_and_no_rows(storage: OpenStorage) -> None:
    storage.run(storage.storage.create_table(1, "cpu", ["host"], [("v", ColumnKind.INTEGER)]))
    (schema,) = storage.storage.tables(1)
    assert (schema.tags, schema.fields, storage.rows("cpu")) == (["host"], ["v"], [])
    assert len(storage.errors("cpu v=1.5")) == 1
    with pytest.raises(TableExistsError, match=r"^attempted to create a resource that already exists$"):
        storage.run(storage.storage.create_table(1, "cpu", [], []))


def test_the_name_of_a_dropped_table_is_free(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1")
    storage.run(storage.storage.drop_table(1, "cpu"))
    assert storage.storage.table(1, "cpu") is None
    storage.write('cpu v="other kind" 1')
    assert storage.rows("cpu") == [{"v": "other kind", "time": 1}]
    with pytest.raises(TableNotFoundError):
        storage.run(storage.storage.drop_table(1, "nope"))


def test_databases_are_independent(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1")
    storage.run(storage.storage.write(2, 'cpu v="x" 1', precision=Precision.NANOSECOND))
    storage.run(storage.storage.drop_database(1))
    assert storage.storage.tables(1) == []
    assert storage.rows("cpu", database=2) == [{"v": "x", "time": 1}]


def test_a_validation_returns_rows_and_errors_and_stores_nothing(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1")
    batches, errors = storage.storage.validate(1, 'cpu v=1i 2\nmem,h=a s="x",v=1 3')
    assert [(batch.table_name, list(batch.rows)) for batch in batches] == [
        ("mem", [{"h": "a", "s": "x", "v": 1.0, "time": 3}])
    ]
    assert [error.line_number for error in errors] == [1]
    assert [schema.name for schema in storage.storage.tables(1)] == ["cpu"]
    assert storage.storage.validate(None, "") == ([], [])


def test_observers_get_each_write_in_order_after_its_rows_can_be_read(
    open_storage: Callable[..., OpenStorage], tmp_path: Path
) -> None:
    storage = open_storage(tmp_path)
    seen: list[tuple[int, int, list[str]]] = []
    readable: list[int] = []

    def observe(database_id: int, sequence: int, batches: Sequence[TableBatch]) -> None:
        readable.append(len(storage.rows("cpu")))
        seen.append((database_id, sequence, [f"{batch.table_name} {list(batch.rows)}" for batch in batches]))

    storage.storage.feed.subscribe(observe)
    storage.write('mem,z=1,a=2 y=1i,b="s" 2\ncpu v=t 1\nmem v=3u 1')
    storage.write("cpu v=f 2", durable=False)
    storage.write("cpu v=t 3")
    assert all(rows >= expected for rows, expected in zip(readable, [1, 2, 3], strict=True))
    assert seen[0][2] == [
        "mem [{'z': '1', 'a': '2', 'y': 1, 'b': 's', 'time': 2}, {'v': 3, 'time': 1}]",
        "cpu [{'v': True, 'time': 1}]",
    ]
    sequences = [sequence for _, sequence, _ in seen]
    assert sequences == sorted(set(sequences))


def test_a_failing_observer_fails_no_write(storage: OpenStorage) -> None:
    def observe(*_: object) -> None:
        raise RuntimeError

    storage.storage.feed.subscribe(observe)
    assert storage.write("cpu v=1 1").lines_written == 1


def test_concurrent_writes_share_commits(open_storage: Callable[..., OpenStorage], tmp_path: Path) -> None:
    storage = open_storage(tmp_path)

    async def write_all() -> None:
        await asyncio.gather(*(storage.storage.write(1, f"cpu,h={number} v=1 1") for number in range(200)))

    storage.run(write_all())
    assert len(storage.rows("cpu")) == 200
    assert storage.storage.commits < 100


def test_a_long_body_is_stored_like_a_short_one(storage: OpenStorage) -> None:
    storage.write("\n".join(f"cpu,h={number % 7} v={number} {number}" for number in range(5000)))
    rows = storage.rows("cpu")
    assert [float(number) for number in range(5000)] == [row["v"] for row in rows]
