"""Durations of ``every:`` specifications."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_engine_api.duration import SECOND, YEAR, format_duration, parse_duration

UNITS = {
    1: "ns nsec nanos",
    1_000: "us µs usec",
    1_000_000: "ms msec millis",
    SECOND: "s sec secs second seconds",
    60 * SECOND: "m min mins minute minutes",
    3_600 * SECOND: "h hr hrs hour hours",
    86_400 * SECOND: "d day days",
    604_800 * SECOND: "w wk wks week weeks",
    2_630_016 * SECOND: "M month months",
    31_557_600 * SECOND: "y yr yrs year years",
}


@pytest.mark.parametrize(("unit", "size"), [(unit, size) for size, units in UNITS.items() for unit in units.split()])
def test_every_unit_of_the_server_is_read(unit: str, size: int) -> None:
    assert parse_duration(f"3{unit}") == 3 * size


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        (" 0 ", 0),
        ("1h30m", 5_400 * SECOND),
        ("1h 30m", 5_400 * SECOND),
        (" 2 weeks ", 1_209_600 * SECOND),
        ("1.5h", 5_400 * SECOND),
        ("0.1s", SECOND // 10),
        ("1m1m", 120 * SECOND),
        ("365d", 365 * 86_400 * SECOND),
        ("12M", 12 * 2_630_016 * SECOND),
    ],
)
def test_items_are_added_up(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "s",
        "-1s",
        "+1s",
        "1x",
        "1S",
        "1H",
        "1.s",
        ".5s",
        "1,5s",
        "1s,",
        "1s 2",
        "00",
        "1e3s",
        "٣s",
        f"{10**30}s",
    ],
)
def test_an_invalid_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 10 * YEAR))
def test_a_formatted_duration_reads_as_the_same_amount_of_time(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0s"), (SECOND, "1s"), (5_400 * SECOND, "1h30m"), (1_500_000_000, "1s500ms"), (1, "1ns")],
)
def test_a_formatted_duration_is_the_shortest(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


def test_a_number_with_too_many_digits_is_none() -> None:
    assert parse_duration("9" * 5000 + "s") is None


@given(st.text(max_size=30))
def test_every_text_is_a_duration_or_none(text: str) -> None:
    nanoseconds = parse_duration(text)

    assert nanoseconds is None or nanoseconds >= 0
