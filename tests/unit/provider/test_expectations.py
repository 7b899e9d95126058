"""What a dry run wrote against what was expected."""

from __future__ import annotations

import pytest

from influxdb3_engine_resources.plugins.expectations import ExpectedWrites, expression, mismatches

WRITTEN = {"db": ['cpu,host=a v=1 1700000000000000000\ncpu,host=b s="at 12"', "mem v=2i"], "other": ["log n=1i 5"]}


@pytest.mark.parametrize(
    "expected",
    [
        {"db": ["cpu,host=a v=1", 'cpu,host=b s="at 12"', "mem v=2i"], "other": ["log n=1i"]},
        {"db": ["mem v=2i", 'cpu,host=b s="at 12"', "cpu,host=a v=1 1700000000000000000"], "other": ["log n=1i 5"]},
        {"db": ["/cpu,host=. .*/", "/mem v=[0-9]+i/", "cpu,host=a v=1"], "other": ["/.*/"]},
    ],
)
def test_lines_match_in_any_order_and_with_any_timestamp(expected: ExpectedWrites) -> None:
    assert mismatches(expected, WRITTEN, "db") == []


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("m v=100", "m v=100.0"),
        ("m v=100.0", "m v=1e2"),
        ("m v=-0", "m v=0.0"),
        ("m v=1i", "m v=01i"),
        ("m,a=1,b=2 v=1,w=2i 5", "m,b=2,a=1 w=2i,v=1 5"),
        ("m ok=t", "m ok=true"),
        ("m ok=FALSE", "m ok=F"),
        (r'm s="a\\b"', r'm s="a\\b"'),
        (r'm s="a\xb"', r'm s="a\\xb"'),
        (r"m,k=a\ b v=1", r"m,k=a\ b v=1.0"),
        (r"m,k=a\xb v=1", r"m,k=a\xb v=1e0"),
        ("m v=1 5", "m v=1  05 "),
        ('m s="two\nlines" 5', 'm s="two\nlines"'),
        ('m s="a\u2028b"', 'm s="a\u2028b"'),
        ("# a comment\n\nm v=1\n", "m v=1"),
    ],
)
def test_lines_are_compared_as_values(written: str, wanted: str) -> None:
    assert mismatches([wanted], {"db": [written]}, "db") == []


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("m v=1", "m v=1i"),
        ("m v=1i", "m v=1u"),
        ("m v=1", 'm v="1"'),
        ("m v=t", 'm v="t"'),
        ("m v=1", "m v=t"),
        ("m v=100", "m v=100.1"),
        ("m v=9007199254740993i", "m v=9007199254740992i"),
        ("m,a=1 v=1", "m,a=1.0 v=1"),
        ("m,a=1 v=1", "m v=1,a=1"),
        ("m v=1", "m v=1,w=1"),
        ("m,a=1 v=1", "m v=1"),
        ("n v=1", "m v=1"),
        ("m v=1", "m v=1 5"),
        ('m s="A"', 'm s="a"'),
    ],
)
def test_lines_with_other_values_kinds_or_members_differ(written: str, wanted: str) -> None:
    assert mismatches([wanted], {"db": [written]}, "db") == [
        f"{wanted!r} was expected in 'db' and not written",
        f"{written!r} was written to 'db' and not expected",
    ]


def test_a_line_with_a_timestamp_matches_before_one_without() -> None:
    assert mismatches(["m v=1", "m v=1 5"], {"db": ["m v=1 5\nm v=1 6"]}, "db") == []


def test_a_line_that_this_release_cannot_read_is_compared_as_text() -> None:
    assert mismatches(["/m v=.*/"], {"db": ["m v=NEW"]}, "db") == []
    assert mismatches(["m v=1"], {"db": ["m v=NEW"]}, "db") != []


def test_an_expected_timestamp_must_be_written() -> None:
    assert mismatches(["m v=1 2"], {"db": ["m v=1 3"]}, "db") == [
        "'m v=1 2' was expected in 'db' and not written",
        "'m v=1 3' was written to 'db' and not expected",
    ]


def test_lines_in_another_database_are_not_expected() -> None:
    assert mismatches(["m v=1"], {"db": ["m v=1"], "other": ["m v=1"]}, "db") == [
        "'m v=1' was written to 'other' and not expected"
    ]


def test_an_empty_list_expects_that_nothing_is_written() -> None:
    assert mismatches([], {}, "db") == []
    assert mismatches([], {"db": ["m v=1"]}, "db") == ["'m v=1' was written to 'db' and not expected"]


def test_the_same_line_twice_has_to_be_written_twice() -> None:
    assert mismatches(["m v=1", "m v=1"], {"db": ["m v=1"]}, "db") == ["'m v=1' was expected in 'db' and not written"]


def test_an_invalid_expression_is_an_error() -> None:
    with pytest.raises(ValueError, match="invalid regular expression"):
        expression("/(/")
