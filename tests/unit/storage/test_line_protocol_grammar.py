"""Which lines InfluxDB 3 accepts, and with which messages it refuses others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from started_storage import OpenStorage

NO_FIELDS = "No fields were provided"
BACKSLASH = "Measurements, tag keys and values, and field keys may not end with a backslash"


def trailing(text: str) -> str:
    return f"Could not parse entire line. Found trailing content: `{text}`"


def no_equals_sign(text: str) -> str:
    return f"Tag set malformed: could not find equals sign in `{text}`"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cpu", "Expected at least one space character, got end of input"),
        ("cpu,t=1", "Expected at least one space character, got end of input"),
        ("cpu\tv=1 5", "Expected at least one space character, got `\tv=1 5`"),
        (",t=1 v=1", "Invalid measurement was provided"),
        ("\0 v=1", "Invalid measurement was provided"),
        ("cpu v=", NO_FIELDS),
        ("cpu v=oops 1000", NO_FIELDS),
        ("cpu =1", NO_FIELDS),
        ("cpu 5", NO_FIELDS),
        ('cpu v="open', NO_FIELDS),
        ("cpu v=1,w=", trailing("w=")),
        ("cpu v=1,w=2,x=", trailing(",x=")),
        ("cpu v=1 abc", trailing(" abc")),
        ("cpu v=1 abcdefghijkl", trailing(" abcdefghi...")),
        ("cpu v=1 1.5", trailing(".5")),
        ("cpu v=1 1 1", trailing("1")),
        ("cpu v=1  ", trailing("  ")),
        ("cpu v=1 5\r", trailing("\r")),
        ("cpu,t v=1", no_equals_sign("t v=1")),
        ("cpu,t=1,u v=1", no_equals_sign("t=1,u v=1")),
        ("cpu,t= v=1", "Expected tag value, got ` v=1`"),
        ("cpu,t=", "Expected tag value, got end of input"),
        ("cpu,=1 v=1", "Expected tag key, got `=1 v=1`"),
        ("cpu,", "Expected tag key, got end of input"),
        ("cpu\\\\ v=1", BACKSLASH),
        ("cpu,t=a\\\\ v=1", BACKSLASH),
        ("cpu v\\\\=1", BACKSLASH),
        ("cpu v=9223372036854775808i", "Unable to parse integer value `9223372036854775808`"),
        ("cpu v=18446744073709551616u", "Unable to parse unsigned integer value `18446744073709551616`"),
        ("cpu v=1 99999999999999999999", "Unable to parse timestamp value `99999999999999999999`"),
        ("cpu v=1,v=2", "invalid line protocol - multiple instances of 'v' field found"),
        ("cpu,t=1,t=2 v=1", "invalid line protocol - multiple instances of 't' tag found"),
        (
            "cpu,t=1 t=2",
            "invalid column type for column 't', expected iox::column_type::tag, got iox::column_type::field::float",
        ),
        ("cpu time=2", "'time' is a reserved column"),
    ],
)
def test_a_bad_line_is_refused_with_the_message_of_a_real_server(storage: OpenStorage, line: str, message: str) -> None:
    assert [(message, 1)] == [error[:2] for error in storage.errors(line)]


@pytest.mark.parametrize("value", [".5", "+5", "NaN", "nan", "inf", "-inf", "Infinity", "--1", ".5i", "x", "1" * 0])
def test_an_invalid_value_is_not_a_field(storage: OpenStorage, value: str) -> None:
    assert [error[:2] for error in storage.errors(f"cpu v={value}")] == [(NO_FIELDS, 1)]


@pytest.mark.parametrize(
    ("value", "rest"),
    [("5.", "."), ("1e", "e"), ("1_000", "_000"), ("0x10", "x10"), ("1.0i", "i"), ("-7u", "u"), ("tRUE", "RUE")],
)
def test_a_value_is_the_longest_match_and_the_rest_is_trailing_content(
    storage: OpenStorage, value: str, rest: str
) -> None:
    assert [(trailing(rest), 1)] == [error[:2] for error in storage.errors(f"cpu v={value}")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5e3", -1500.0),
        ("1E+3", 1000.0),
        ("007", 7.0),
        ("1e400", float("inf")),
        ("9223372036854775807i", 2**63 - 1),
        ("-9223372036854775808i", -(2**63)),
        ("18446744073709551615u", 2**64 - 1),
        ("t", True),
        ("FALSE", False),
        ('""', ""),
        ('"a b,c=d"', "a b,c=d"),
        (r'"\"quoted\" \\ \n"', r'"quoted" \ \n'),
        ('"two\nlines"', "two\nlines"),
        ('"é"', "é"),
    ],
)
def test_a_value_has_the_kind_of_its_notation(storage: OpenStorage, text: str, value: object) -> None:
    storage.write(f"cpu v={text} 1")
    (row,) = storage.rows("cpu")
    assert (type(value), value) == (type(row["v"]), row["v"])


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (r"c\ p\,u,h\=o=a\ b v=1 1", {"h=o": "a b", "v": 1.0, "time": 1}),
        (r"cpu,h=a\b v=1 1", {"h": r"a\b", "v": 1.0, "time": 1}),
        ("cpu,h=a=b v=1 1", {"h": "a=b", "v": 1.0, "time": 1}),
        ('cpu "k"=1 1', {'"k"': 1.0, "time": 1}),
        ("cpu a,b=1 1", {"a,b": 1.0, "time": 1}),
        ("cpu v=1,w,x=2 1", {"v": 1.0, "w,x": 2.0, "time": 1}),
        ("cpu v=1, 1", {"v": 1.0, "time": 1}),
        ("  cpu  v=1  1  ", {"v": 1.0, "time": 1}),
    ],
)
def test_names_and_blanks_are_read_as_by_a_real_server(storage: OpenStorage, line: str, row: dict[str, object]) -> None:
    assert storage.errors(line) == []
    (schema,) = storage.storage.tables(1)
    assert [row] == storage.rows(schema.name)


def test_a_bad_line_after_many_similar_ones_is_found(storage: OpenStorage) -> None:
    lines = [f"cpu,h=a v={number} {number}" for number in range(1, 6)]
    lines += ["cpu,h=a v=1_0 6", "cpu,h=a v=9999999999999999999i 7", "cpu,h=a v=7 8"]
    assert [(trailing("_0 6"), 6), ("Unable to parse integer value `9999999999999999999`", 7)] == [
        error[:2] for error in storage.errors("\n".join(lines))
    ]
    assert [row["time"] for row in storage.rows("cpu")] == [1, 2, 3, 4, 5, 8]


def test_lines_with_the_same_fields_keep_their_own_tags(storage: OpenStorage) -> None:
    storage.write("cpu,h=a v=1 1\ncpu,h=a v=2 2\ncpu,g=b v=3 3\ncpu v=4 4")
    assert storage.rows("cpu") == [
        {"h": "a", "v": 1.0, "time": 1},
        {"h": "a", "v": 2.0, "time": 2},
        {"g": "b", "v": 3.0, "time": 3},
        {"v": 4.0, "time": 4},
    ]


def test_a_tag_that_is_a_field_of_earlier_lines_is_refused(storage: OpenStorage) -> None:
    expected = "invalid column type for column 'v', expected iox::column_type::tag, got iox::column_type::field::float"
    assert [(expected, 3)] == [error[:2] for error in storage.errors("cpu v=1 1\ncpu v=1 2\ncpu,v=x v=1 3")]


def test_blank_lines_and_comments_have_no_line_number(storage: OpenStorage) -> None:
    assert storage.errors("# one\n\n  \ncpu v=1 1\n\t# two\ncpu v=bad\n") == [
        ("No fields were provided", 2, "cpu v=bad")
    ]


def test_an_error_quotes_at_most_twenty_bytes_of_a_line_and_only_whole_characters(storage: OpenStorage) -> None:
    ((_, _, quoted),) = storage.errors("ééééééééééé v=bad")
    assert quoted == "é" * 10


def test_an_error_of_a_schema_quotes_the_line_without_string_quotes(storage: OpenStorage) -> None:
    storage.write("cpu v=1 1")
    ((message, number, quoted),) = storage.errors('cpu v="str" 5')
    assert quoted == "cpu v=str 5"
    assert number == 1
    assert (
        message == "invalid column type for column 'v', expected iox::column_type::field::float, "
        "got iox::column_type::field::string"
    )
