"""``LineBuilder`` (contract 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_embedded.worker.line_builder import (
    InfluxDBError,
    InvalidKeyError,
    InvalidLineError,
    InvalidMeasurementError,
    LineBuilder,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda: LineBuilder("a b"), InvalidMeasurementError, "Measurement name cannot contain spaces"),
        (lambda: LineBuilder("m").tag("", 1), InvalidKeyError, "tag key cannot be empty"),
        (lambda: LineBuilder("m").tag("a b,=", 1), InvalidKeyError, "tag key 'a b,=' cannot contain spaces"),
        (lambda: LineBuilder("m").tag("a,=", 1), InvalidKeyError, "tag key 'a,=' cannot contain commas"),
        (lambda: LineBuilder("m").bool_field("a=", 1), InvalidKeyError, "field key 'a=' cannot contain equals signs"),
        (lambda: LineBuilder("m").string_field("", ""), InvalidKeyError, "field key cannot be empty"),
        (lambda: LineBuilder("m").uint64_field("f", -1), ValueError, "uint64 field 'f' cannot be negative"),
        (
            lambda: LineBuilder("a,b").tag("t", "x y").build(),
            InvalidLineError,
            r"At least one field is required: a\,b,t=x\ y",
        ),
        (lambda: LineBuilder("m").string_field("s", 5), AttributeError, "'int' object has no attribute 'replace'"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_raises_an_error(build: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        build()
    assert str(caught.value) == text
    assert issubclass(error, InfluxDBError) or error in (ValueError, AttributeError)


@pytest.mark.parametrize(
    ("method", "value", "written"),
    [
        ("int64_field", -5, "-5i"),
        ("int64_field", 1.5, "1.5i"),
        ("uint64_field", 2**64 - 1, "18446744073709551615u"),
        ("float64_field", 1, "1.0"),
        ("float64_field", -2.0, "-2.0"),
        ("float64_field", 1.5, "1.5"),
        ("float64_field", 1e-07, "1e-07"),
        ("float64_field", 1e22, "10000000000000000000000.0"),
        ("float64_field", float("nan"), "nan"),
        ("float64_field", float("-inf"), "-inf"),
        ("string_field", 'a "b" \\ c\nd', '"a \\"b\\" \\\\ c\nd"'),
        ("string_field", "", '""'),
        ("bool_field", True, "t"),
        ("bool_field", 0, "f"),
        ("bool_field", "no", "t"),
    ],
)
def test_fields_are_written_by_their_type(method: str, value: Any, written: str) -> None:
    assert getattr(LineBuilder("m"), method)("f", value).build() == f"m f={written}"


def test_a_whole_float_is_written_with_all_its_digits() -> None:
    line = LineBuilder("m").float64_field("f", 1e300).build()
    assert float(line.removeprefix("m f=")) == 1e300
    assert "e" not in line


def test_a_line_has_tags_fields_and_time_in_the_order_they_were_set() -> None:
    line = LineBuilder("a,b").tag("z", 1).tag("a", "").int64_field("y", 1).int64_field("\\x", 2).tag("z", 3).time_ns(0)
    assert line.build() == r"a\,b,z=3,a= y=1i,\\x=2i 0"
    assert line.time_ns(None).build() == r"a\,b,z=3,a= y=1i,\\x=2i"


@given(st.text())
def test_tag_values_can_be_read_back(value: str) -> None:
    written = LineBuilder("m").tag("t", value).bool_field("f", 1).build().removeprefix("m,t=").removesuffix(" f=t")
    read, escaped = "", False
    for character in written:
        if escaped or character != "\\":
            assert escaped or character not in ", ="
            read += character
            escaped = False
        else:
            escaped = True
    assert read == value
