"""Errors of the HTTP client: error answers, unreadable answers and lost answers."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from typing import TYPE_CHECKING

import pytest
from client_operations import OPERATIONS, READING, SCHEDULE_TEST, TOKEN, every_operation, outcome, some_operations
from tiny_server import answering, cut_off, reset, silent, tiny_server

from influxdb3_engine_api import (
    AnswerError,
    AnswerLost,
    BadRequest,
    Conflict,
    EngineApiError,
    EngineClient,
    EngineUnreachable,
    Forbidden,
    ServerError,
    Unauthenticated,
    UnreadableAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler


# a dry run calls a plugin, which may do more than write
READ_ONLY = {*READING, "health"} - {"test_schedule_plugin", "test_wal_plugin"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def everything_shown_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(vars(error))


@some_operations
def test_a_refused_connection_means_that_nothing_was_sent(operation: str) -> None:
    port = free_port()

    with EngineClient(f"http://127.0.0.1:{port}", TOKEN) as client, pytest.raises(EngineUnreachable) as unreachable:
        OPERATIONS[operation][0](client)

    assert f"http://127.0.0.1:{port}" in str(unreachable.value)
    assert "influxdb3:hostUrl" in str(unreachable.value)


@every_operation
@pytest.mark.parametrize("fault", [reset, cut_off])
def test_a_connection_that_breaks_after_the_request_loses_the_answer(
    operation: str, fault: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    with pytest.raises(AnswerLost, match="the connection broke") as lost:
        outcome(fault, operation)
    assert ("may have been carried out" in str(lost.value)) is (operation not in READ_ONLY)


def test_the_error_of_a_lost_read_only_dry_run_does_not_warn_of_a_change() -> None:
    with tiny_server(reset) as server, EngineClient(server.url) as client:
        with pytest.raises(AnswerLost, match="may have been carried out"):
            client.test_schedule_plugin(SCHEDULE_TEST)
        with pytest.raises(AnswerLost) as lost:
            client.test_schedule_plugin(SCHEDULE_TEST, changes=False)
    assert "carried out" not in str(lost.value)


@some_operations
def test_an_answer_that_does_not_come_in_time_is_lost(operation: str) -> None:
    released = threading.Event()
    with (
        tiny_server(silent(released)) as server,
        EngineClient(server.url, TOKEN, timeout=0.1, package_timeout=0.2) as client,
    ):
        with pytest.raises(AnswerLost, match="no answer in time") as lost:
            OPERATIONS[operation][0](client)
        assert ("may have been carried out" in str(lost.value)) is (operation not in READ_ONLY)
        released.set()


def test_an_installation_may_take_longer_than_other_requests() -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(0.3)
        answering(200)(handler)

    outcome(slow, "install_packages", timeout=0.1, package_timeout=10)


def test_an_answer_that_cannot_be_unzipped_is_lost() -> None:
    with pytest.raises(AnswerLost):
        outcome(answering(200, b"no gzip", content_encoding="gzip"), "create_trigger")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (409, Conflict),
        (415, BadRequest),
        (500, ServerError),
        (503, ServerError),
    ],
)
def test_an_error_contains_the_servers_text(status: int, kind: type[AnswerError]) -> None:
    with pytest.raises(kind) as raised:
        outcome(answering(status, '{"error": "the reason"}'), "create_trigger")

    assert raised.value.text == "the reason"
    assert str(raised.value) == f"POST /api/v3/configure/processing_engine_trigger answered {status}: the reason"


@every_operation
def test_every_operation_raises_an_error_for_status_500(operation: str) -> None:
    with pytest.raises(ServerError, match="Plugin error"):
        outcome(answering(500, "Plugin error: no such file"), operation)


@some_operations
def test_a_redirect_is_an_error_that_names_its_location(operation: str) -> None:
    with pytest.raises(BadRequest, match=r"redirects to https://engine\.example/"):
        outcome(answering(308, location="https://engine.example/"), operation)


@pytest.mark.parametrize("operation", READING)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>a proxy's greeting</html>",
        b"{",
        b"null",
        b'"text"',
        b'{"unexpected": [1]}',
        b"\xff\xfe\x00",
        b"[" * 10_000,
    ],
)
def test_a_success_with_an_unexpected_body_is_an_unreadable_answer(operation: str, body: bytes) -> None:
    with pytest.raises(UnreadableAnswer, match="not what the API promises"):
        outcome(answering(200, body), operation)


def test_the_error_about_an_unreadable_row_does_not_contain_its_values() -> None:
    rows = [{"trigger_name": "t", "argument_key": "password", "argument_value": ["hunter2"]}]

    with pytest.raises(UnreadableAnswer) as unreadable:
        outcome(answering(200, json.dumps(rows)), "trigger_arguments")

    assert "0: argument_value" in str(unreadable.value)
    assert "hunter2" not in everything_shown_of(unreadable.value)


@some_operations
@pytest.mark.parametrize("fault", [answering(401, "no"), reset])
def test_no_error_contains_the_token(operation: str, fault: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with pytest.raises(EngineApiError) as raised:
        outcome(fault, operation)
    assert TOKEN not in everything_shown_of(raised.value)


def test_no_representation_of_the_client_contains_the_token() -> None:
    with EngineClient("http://127.0.0.1:1/", TOKEN) as client:
        assert repr(client) == str(client) == "EngineClient('http://127.0.0.1:1')"
        assert TOKEN not in repr(vars(client))


@pytest.mark.parametrize("token", ["a-secret\n", "a secret", "a-secret-ü", "a-secret\x00"])
def test_a_token_that_no_header_can_carry_is_an_error_that_does_not_contain_it(token: str) -> None:
    with pytest.raises(EngineUnreachable, match="token contains a space, a line break") as refused:
        EngineClient("http://127.0.0.1:1", token)
    assert "secret" not in str(refused.value) + repr(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8181", "ftp://host", "http://", "http://host:port", "http://host:99999999", "http://a:b@host", "http://host?db=a"],
)  # fmt: skip
def test_an_invalid_url_is_an_error(url: str) -> None:
    with pytest.raises(EngineUnreachable, match=r"http://HOST:PORT"):
        EngineClient(url)


def test_an_unreadable_file_of_authorities_is_an_error() -> None:
    with pytest.raises(EngineUnreachable, match=r"/no/such/ca\.pem cannot be read"):
        EngineClient("https://127.0.0.1:1", tls_ca="/no/such/ca.pem")
