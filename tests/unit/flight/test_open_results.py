"""Results that clients are reading share a limit of memory; clients that stop reading lose their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from influxdb3_embedded.flight import open_results
from influxdb3_embedded.flight.open_results import OpenResults
from influxdb3_embedded.flight.protobuf import bytes_of
from influxdb3_embedded.sql import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


def arrow_stream(table: pa.Table, rows: int) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, rows)
    return sink.getvalue()


STREAM = arrow_stream(pa.table({"number": range(1_000)}), 100)


@pytest.fixture
def results() -> OpenResults:
    return OpenResults(limit=len(STREAM) * 3 // 2)


def opened(results: OpenResults, cancelled: list[str]) -> Iterator[bytes]:
    messages = results.messages(STREAM, lambda: cancelled.append("cancelled"))
    next(messages)
    return messages


def test_messages_hold_the_parts_of_the_stream(results: OpenResults) -> None:
    messages = list(results.messages(STREAM, lambda: None))

    sent = b"".join(
        b"\xff\xff\xff\xff"
        + len(bytes_of(message, 2)).to_bytes(4, "little")
        + bytes_of(message, 2)
        + bytes_of(message, 1000)
        for message in messages
    )
    assert len(messages) == 11
    assert pa.ipc.open_stream(sent).read_all().column("number").to_pylist() == list(range(1_000))


def test_a_result_that_does_not_fit_is_refused(results: OpenResults) -> None:
    first = opened(results, [])
    with pytest.raises(QueryFailed, match="the results that clients have not read would take more memory"):
        opened(results, [])
    list(first)
    list(opened(results, []))


def test_a_stalled_client_gives_way(results: OpenResults, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[str] = []
    stalled = opened(results, cancelled)
    results.end_stalled()
    assert cancelled == []

    monkeypatch.setattr(open_results, "_SECONDS_UNDER_PRESSURE", 0.0)
    opened(results, [])
    assert cancelled == ["cancelled"]
    stalled.close()  # type: ignore[attr-defined]  # a generator


def test_a_client_that_reads_nothing_for_long_loses_its_call(
    results: OpenResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[str] = []
    stalled = opened(results, cancelled)
    monkeypatch.setattr(open_results, "_SECONDS_TO_READ", 0.0)

    results.end_stalled()

    assert cancelled == ["cancelled"]
    del stalled
