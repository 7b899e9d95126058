"""What an error answer becomes where its body is nearly, but not quite, of a shape that the API has."""

from __future__ import annotations

import pytest

from influxdb3_engine_api import NoSuchOperation, NotFound
from influxdb3_engine_api.errors import answer_error


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{error: "not found"}', "not found"),
        ('{error: "not found"', '{error: "not found"'),
        ('error: "not found"}', 'error: "not found"}'),
        (' {"error": 5} ', '{"error": 5}'),
        ('{"message": "m", "error": null}', "m"),
        (" plain \n", "plain"),
    ],
)
def test_a_body_of_unknown_shape_becomes_the_text(body: str, text: str) -> None:
    assert answer_error("GET /", 400, body).text == text


def test_the_error_about_an_unknown_path_contains_the_beginning_of_the_page() -> None:
    error = answer_error("GET /ping", 404, "x" * 201)

    assert isinstance(error, NoSuchOperation)
    assert error.text == f"{'x' * 200} (is influxdb3:hostUrl an InfluxDB 3 server?)"
    assert answer_error("GET /ping", 404, "").text == "no message (is influxdb3:hostUrl an InfluxDB 3 server?)"


def test_an_error_contains_its_request() -> None:
    error = answer_error("POST /api/v3/write_lp", 404, "Database not found d")

    assert isinstance(error, NotFound)
    assert (error.operation, error.status, error.data) == ("POST /api/v3/write_lp", 404, None)
