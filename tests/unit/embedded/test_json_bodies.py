"""Errors in JSON bodies and query strings have the real server's texts (contract 1.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.requests.bodies import parse_json, parse_query
from influxdb3_embedded.http.requests.json_positions import JsonPositions
from influxdb3_embedded.http.requests.parameters import DeleteTrigger, Query, WriteLp
from influxdb3_engine_api.wire import CreatePluginFile, CreateTrigger, InstallPackages, UpdatePluginDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = (
    '{"db":"d","plugin_filename":"p","trigger_name":"t","trigger_settings":%s,'
    '"trigger_specification":"all_tables","disabled":false}'
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{nope", "key must be a string at line 1 column 2"),
        ("nope", "expected ident at line 1 column 2"),
        ("{} x", "trailing characters at line 1 column 4"),
        ('{"a":1,}', "trailing comma at line 1 column 8"),
        ('{"a" 1}', "expected `:` at line 1 column 6"),
        ('{"db', "EOF while parsing a string at line 1 column 4"),
        ('{"db":"\\udc00"}', "lone leading surrogate in hex escape at line 1 column 13"),
        ("[" * 200, "recursion limit exceeded at line 1 column 129"),
        ('{"db":NaN}', "expected value at line 1 column 7"),
        ("{}", "missing field `db` at line 1 column 2"),
        ("{\n}", "missing field `db` at line 2 column 1"),
        ('{"db":1}', "invalid type: integer `1`, expected a string at line 1 column 7"),
        ('{"db":null}', "invalid type: null, expected a string at line 1 column 10"),
        ('{"db":"a","db":"b"}', "duplicate field `db` at line 1 column 14"),
        ('{"db":"é","x":1, "plugin_filename":[]}', "invalid type: sequence, expected a string at line 1 column 38"),
    ],
)
def test_an_invalid_body_is_refused_with_line_and_column(body: str, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body.encode(), CreateTrigger)
    assert (caught.value.status, caught.value.text) == (400, f"serde json error: {text}")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("{}", "missing field `run_async` at line 1 column 72"),
        ("1", "invalid type: integer `1`, expected struct TriggerSettings at line 1 column 71"),
        ('"Log"', 'invalid type: string "Log", expected struct TriggerSettings at line 1 column 75'),
        (
            '{"run_async":"false","error_behavior":"log"}',
            'invalid type: string "false", expected a boolean at line 1 column 90',
        ),
        (
            '{"run_async":false,"error_behavior":"Log"}',
            "unknown variant `Log`, expected one of `log`, `retry`, `disable` at line 1 column 111",
        ),
        (
            '{"run_async":false,"run_async":true,"error_behavior":"log"}',
            "duplicate field `run_async` at line 1 column 100",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_reported_with_its_position(settings: str, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json((WHOLE % settings).encode(), CreateTrigger)
    assert caught.value.text == f"serde json error: {text}"


@pytest.mark.parametrize(
    "settings",
    [
        '"retry"',
        '{"run_async":false,"error_behavior":"retry"}',
        '"{\\"run_async\\":false,\\"error_behavior\\":\\"retry\\"}"',
    ],
)
def test_settings_may_be_an_object_or_a_string(settings: str) -> None:
    parsed = parse_json((WHOLE % settings).encode(), CreateTrigger)
    assert (parsed.trigger_settings.run_async, parsed.trigger_settings.error_behavior) == (False, "retry")


def test_of_several_mistakes_the_first_in_the_text_is_reported() -> None:
    with pytest.raises(ApiError, match="expected a sequence"):
        parse_json(b'{"files": 1, "plugin_name": 2}', UpdatePluginDirectory)


def test_repeated_members_of_objects_in_lists_are_refused() -> None:
    body = b'{"plugin_name":"t","files":[{"relative_path":"a","content":"x","content":"y"}]}'
    with pytest.raises(ApiError, match="duplicate field `content`"):
        parse_json(body, UpdatePluginDirectory)


def test_repeated_names_of_trigger_arguments_are_accepted() -> None:
    body = (WHOLE % '"log"')[:-1] + ',"trigger_arguments":{"a":"1","a":"2"}}'
    assert parse_json(body.encode(), CreateTrigger).trigger_arguments == {"a": "2"}


def test_unknown_members_are_ignored() -> None:
    assert parse_json(b'{"plugin_name":"a","content":"b","other":1,"other":2}', CreatePluginFile).content == "b"


def test_invalid_utf8_is_refused() -> None:
    with pytest.raises(ApiError, match="invalid unicode code point"):
        parse_json(b'{"plugin_name":"\xff"}', CreatePluginFile)


@pytest.mark.parametrize(
    ("query", "model", "text"),
    [
        (b"", DeleteTrigger, "missing field `db`"),
        (b"db=d", DeleteTrigger, "missing field `trigger_name`"),
        (b"db=d&db=e", DeleteTrigger, "duplicate field `db`"),
        (b"db=d&trigger_name=t&force=1", DeleteTrigger, "provided string was not `true` or `false`"),
        (b"db=d&trigger_name=t&force=True", DeleteTrigger, "provided string was not `true` or `false`"),
        (b"packages=x", InstallPackages, 'invalid type: string "x", expected a sequence'),
        (b"trigger_settings=%7B%7D&db=d", CreateTrigger, "missing field `plugin_filename`"),
        (
            b"db=d&precision=eon",
            WriteLp,
            "unknown variant `eon`, expected one of `auto`, `s`, `second`, `millisecond`, `ms`, `microsecond`, `u`, "
            "`us`, `n`, `nanosecond`, `ns`",
        ),
    ],
)
def test_an_invalid_query_string_is_refused(query: bytes, model: type, text: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_query(query, model)
    assert (caught.value.status, caught.value.text) == (400, f"serde error: {text}")


def test_a_query_string_is_decoded_and_unknown_names_are_ignored() -> None:
    parsed = parse_query(b"db=a+b&trigger_name=%C3%BC&x=1&x=2&force=true", DeleteTrigger)
    assert (parsed.db, parsed.trigger_name, parsed.force) == ("a b", "ü", True)


texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def locations(value: object) -> Iterator[tuple[str | int, ...]]:
    yield ()
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
    ):
        yield from ((step, *rest) for rest in locations(inner))


@given(json_values, st.sampled_from([None, 1]))
def test_the_end_of_each_value_is_found(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    ends = JsonPositions(text).ends
    assert set(locations(value)) == ends.keys()
    for location, end in ends.items():
        inner = value
        for step in location:
            inner = inner[step]
        assert text[:end].endswith(json.dumps(inner)[-1])


@given(st.binary())
def test_random_bytes_are_refused_with_status_400(body: bytes) -> None:
    for model in (CreateTrigger, Query, UpdatePluginDirectory):
        with pytest.raises(ApiError) as caught:
            parse_json(body, model)
        assert caught.value.status == 400
