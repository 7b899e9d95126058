"""Errors for error answers with all shapes of bodies (contract 1.1)."""

from __future__ import annotations

import pytest

from influxdb3_engine_api import (
    AnswerError,
    AnswerLost,
    BadRequest,
    Conflict,
    EngineApiError,
    EngineUnreachable,
    Forbidden,
    NoSuchOperation,
    NotFound,
    ServerError,
    TransportError,
    Unauthenticated,
    UnreadableAnswer,
)
from influxdb3_engine_api.errors import answer_error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NoSuchOperation),
        (405, BadRequest),
        (409, Conflict),
        (413, BadRequest),
        (415, BadRequest),
        (422, BadRequest),
        (429, BadRequest),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
    ],
)
def test_the_status_decides_the_class_of_the_error(status: int, kind: type[AnswerError]) -> None:
    error = answer_error("GET /x", status, "text")

    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Not found", "Not found"),
        ("  plain text\n", "plain text"),
        ('{"error":"a"}', "a"),
        ('{"error": "the request was not authenticated"}', "the request was not authenticated"),
        ('{"error": "a", "data": null}', "a"),
        ('{"code": "invalid", "message": "unable to parse"}', "unable to parse"),
        ('{error: "not found"}', "not found"),
        ('{error: "cut', '{error: "cut'),
        ("", ""),
        ('{error: "not found"', '{error: "not found"'),
        ('error: "not found"}', 'error: "not found"}'),
        ('{"error": ""}', ""),
        ('{"message": "m", "error": null}', "m"),
        ('{"error": 5}', '{"error": 5}'),
        ('{"errors": ["a"]}', '{"errors": ["a"]}'),
        ('["a"]', '["a"]'),
        ('"a"', '"a"'),
        ("null", "null"),
        ("<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        ("�\x00", "�\x00"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_the_message_is_found_in_every_shape_of_body(body: str, text: str) -> None:
    assert answer_error("GET /x", 500, body).text == text


def test_the_details_of_a_write_error_are_kept_and_shown() -> None:
    body = '{"error":"partial write","data":[{"original_line":"cpu","line_number":1,"error_message":"no fields"}]}'
    data = [{"original_line": "cpu", "line_number": 1, "error_message": "no fields"}]
    error = answer_error("POST /api/v3/write_lp", 400, body)

    assert error.data == data
    assert str(error) == (
        "POST /api/v3/write_lp answered 400: partial write "
        '[{"original_line": "cpu", "line_number": 1, "error_message": "no fields"}]'
    )


def test_an_error_without_a_message_says_so() -> None:
    assert str(answer_error("GET /health", 503, "")) == "GET /health answered 503: no message"


@pytest.mark.parametrize(
    "body",
    [
        "the requested resource was not found: t",
        "Database not found d",
        '{"error":"query error: database not found: d"}',
        '{error: "not found"}',
        "Table t not in DB schema for d",
        '{"error": "Trigger not found"}',
    ],
)
def test_a_404_about_a_named_thing_differs_from_one_about_the_path(body: str) -> None:
    assert isinstance(answer_error("DELETE /t", 404, body), NotFound)


@pytest.mark.parametrize("body", ["Not found", "", "404 page not found", "<html><title>404 Not Found</title></html>"])
def test_a_404_of_another_server_never_means_that_something_is_gone(body: str) -> None:
    error = answer_error("POST /q", 404, body)

    assert isinstance(error, NoSuchOperation)
    assert "is influxdb3:hostUrl an InfluxDB 3 server?" in str(error)


def test_the_hierarchy_of_errors_is_as_documented() -> None:
    assert set(TransportError.__subclasses__()) == {EngineUnreachable, AnswerLost}
    assert AnswerError.__subclasses__() == [
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        NoSuchOperation,
        Conflict,
        ServerError,
    ]
    assert EngineApiError.__subclasses__() == [TransportError, AnswerError, UnreadableAnswer]


def test_the_error_about_an_unknown_path_contains_the_beginning_of_the_page() -> None:
    error = answer_error("GET /ping", 404, "x" * 201)

    assert isinstance(error, NoSuchOperation)
    assert error.text == f"{'x' * 200} (is influxdb3:hostUrl an InfluxDB 3 server?)"
    assert answer_error("GET /ping", 404, "").text == "no message (is influxdb3:hostUrl an InfluxDB 3 server?)"


def test_an_error_contains_its_request() -> None:
    error = answer_error("POST /api/v3/write_lp", 404, "Database not found d")

    assert isinstance(error, NotFound)
    assert (error.operation, error.status, error.data) == ("POST /api/v3/write_lp", 404, None)
