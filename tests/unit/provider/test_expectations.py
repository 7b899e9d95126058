"""What a dry run wrote against what was expected."""

from __future__ import annotations

import pytest

from pulumi_influxdb3_engine.logic.expectations import ExpectedWrites, expression, missed

WRITTEN = {"db": ['cpu,host=a v=1 1700000000000000000\ncpu,host=b s="at 12"', "mem v=2i"], "other": ["log n=1i 5"]}


@pytest.mark.parametrize(
    "expected",
    [
        {"db": ["cpu,host=a v=1", 'cpu,host=b s="at 12"', "mem v=2i"], "other": ["log n=1i"]},
        {"db": ["mem v=2i", 'cpu,host=b s="at 12"', "cpu,host=a v=1 1700000000000000000"], "other": ["log n=1i 5"]},
        {"db": ["/cpu,host=. .*/", "/mem v=[0-9]+i/", "cpu,host=a v=1"], "other": ["/.*/"]},
    ],
)
def test_lines_are_met_in_any_order_and_with_any_timestamp(expected: ExpectedWrites) -> None:
    assert missed(expected, WRITTEN, "db") == []


def test_a_timestamp_that_is_expected_has_to_be_the_one_written() -> None:
    assert missed(["m v=1 2"], {"db": ["m v=1 3"]}, "db") == [
        "nothing like 'm v=1 2' was written to 'db'",
        "'m v=1 3' was written to 'db', which was not expected",
    ]


def test_what_is_written_to_another_database_is_not_expected() -> None:
    assert missed(["m v=1"], {"db": ["m v=1"], "other": ["m v=1"]}, "db") == [
        "'m v=1' was written to 'other', which was not expected"
    ]


def test_an_empty_list_expects_that_nothing_is_written() -> None:
    assert missed([], {}, "db") == []
    assert missed([], {"db": ["m v=1"]}, "db") == ["'m v=1' was written to 'db', which was not expected"]


def test_the_same_line_twice_has_to_be_written_twice() -> None:
    assert missed(["m v=1", "m v=1"], {"db": ["m v=1"]}, "db") == ["nothing like 'm v=1' was written to 'db'"]


def test_an_expression_that_cannot_be_compiled_is_an_error() -> None:
    with pytest.raises(ValueError, match="the regular expression cannot be compiled"):
        expression("/(/")
