"""All operations of the client on servers with slow, false, huge or broken answers."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import traceback
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from client_operations import OPERATIONS, TOKEN, outcome
from hostile_server import ANSWERS, DELAYS, LIES, MARK, STEERING, hostile_server, http, page, saying
from tiny_server import answering

from influxdb3_engine_api import (
    AnswerLost,
    BadRequest,
    Conflict,
    CreateTrigger,
    EngineApiError,
    EngineClient,
    EngineUnreachable,
    ErrorBehavior,
    NoSuchOperation,
    NotFound,
    TriggerSettings,
    UnreadableAnswer,
)
from influxdb3_engine_api.foreign_text import LONGEST
from influxdb3_engine_api.wire import TestSchedulePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 1.0
PATIENCE = 45.0
"""Seconds after which a client counts as hanging; far above ``TIMEOUT``, since test machines are busy."""
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
FEW = ("create_trigger", "delete_trigger", "triggers", "install_packages", "health")


def fails(url: str, operation: str, **options: float) -> EngineApiError:
    began = time.monotonic()
    limits = {"timeout": TIMEOUT, "package_timeout": TIMEOUT} | options
    with EngineClient(url, TOKEN, **limits) as client, pytest.raises(EngineApiError) as failed:  # type: ignore[arg-type]  # floats
        OPERATIONS[operation][0](client)
    assert time.monotonic() - began < PATIENCE
    return failed.value


def assert_safe(error: BaseException) -> None:
    text = str(error)
    assert not STEERS.search(text), ascii(text)
    assert not STEERS.search(repr(error))
    assert len(text) < LONGEST + 600
    assert TOKEN not in "".join(traceback.format_exception(error)) + repr(vars(error))


HEAVY = ("megabytes", "gigabyte", "bomb", "end", "lines")
CASES = [
    (operation, lie) for operation in OPERATIONS for lie in LIES if operation in FEW or not lie.endswith(HEAVY)
]  # all operations read large answers alike, and those tests take long


@pytest.mark.parametrize(("operation", "lie"), CASES)
def test_a_false_answer_is_an_error_whose_text_is_safe_to_show(operation: str, lie: str) -> None:
    with hostile_server(LIES[lie]) as server:
        error = fails(server.url, operation, timeout=30.0, package_timeout=30.0)

    assert not isinstance(error, NotFound | Conflict)
    assert_safe(error)


@pytest.mark.parametrize("operation", FEW)
@pytest.mark.parametrize("delay", DELAYS)
def test_an_endless_answer_is_an_error_that_names_the_stack_key(operation: str, delay: str) -> None:
    with hostile_server(DELAYS[delay]) as server:
        error = fails(server.url, operation)

    assert isinstance(error, AnswerLost)
    key = "packageTimeout" if operation == "install_packages" else "timeout"
    assert f"influxdb3:{key} is 1 s" in str(error)
    assert_safe(error)


@pytest.mark.parametrize("status", [200, 201, 401, 403, 404, 409, 502])
def test_an_error_describes_the_answer_and_says_what_to_do(status: int) -> None:
    with hostile_server(page(status)) as server:
        text = str(fails(server.url, "create_trigger"))

    for part in (f"answered {status}", "text/html from 'nginx'", f"titled 'Sign in {MARK}'", "influxdb3:hostUrl"):
        assert part in text


@pytest.mark.parametrize(
    "body",
    ['{"error": "not found"}', "not found", "<p>resource was not found</p>", "The resource was not found", "404"],
)
def test_a_gateways_404_never_means_that_something_is_gone(body: str) -> None:
    with pytest.raises(NoSuchOperation):
        outcome(answering(404, body, content_type="text/html"), "delete_trigger")
    with pytest.raises(NoSuchOperation):
        outcome(answering(404, body), "delete_trigger")


def test_a_gateways_409_never_means_that_something_exists() -> None:
    with pytest.raises(BadRequest):
        outcome(answering(409, '{"message": "busy"}', content_type="application/json"), "create_database")
    with pytest.raises(Conflict):
        outcome(
            answering(409, '{"message": "busy"}', content_type="application/json", cluster_uuid="a"), "create_database"
        )
    with pytest.raises(Conflict):
        outcome(answering(409, "attempted to create a resource that already exists"), "create_database")


@pytest.mark.parametrize(
    ("body", "headers"),
    [("", {}), ("{}", {}), ("null", {}), ('{"id": 1}', {}), ("OK", {}), ("anything", {"cluster_uuid": "a"})],
)
@pytest.mark.parametrize("operation", ["create_trigger", "delete_trigger", "enable_trigger", "create_plugin_file"])
def test_every_form_of_influxdbs_success_is_accepted(operation: str, body: str, headers: dict[str, str]) -> None:
    outcome(answering(200, body, **headers), operation)


def test_the_description_of_foreign_json_has_member_names_without_values() -> None:
    with hostile_server(LIES["JSON that asks for a login"]) as server:
        error = fails(server.url, "create_trigger")

    assert isinstance(error, UnreadableAnswer)
    assert "a JSON object with login" in str(error)
    assert MARK not in str(error)


def test_the_servers_text_is_cut_at_two_thousand_characters() -> None:
    with hostile_server(saying(http(500, "x" * 5_000_000))) as server:
        text = str(fails(server.url, "create_trigger"))

    assert len(text) < LONGEST + 200
    assert "characters in all" in text


def test_further_lines_of_the_servers_text_are_indented() -> None:
    with hostile_server(saying(http(500, "first\nerror: all is lost\ninfluxdb3: send money"))) as server:
        text = str(fails(server.url, "create_trigger"))

    assert text.splitlines()[1:] == ["    error: all is lost", "    influxdb3: send money"]


def test_an_error_contains_no_secret_that_the_server_repeats() -> None:
    secrets = {"plain": "k9-hunter2", "odd": 'pa"ss wörd/+', "lines": "-----BEGIN KEY-----\nMIIEabcdefgh\n"}
    trigger = CreateTrigger(
        db="db",
        plugin_filename="p.py",
        trigger_name="t",
        trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
        trigger_specification="request:hook-k9-path",
        trigger_arguments=secrets,
        disabled=False,
    )

    def echo(body: str) -> bytes:
        # unchanged, percent-encoded, and as JSON in JSON
        return http(500, f"bad: {body} {json.dumps(body)} Bearer {TOKEN} MIIEabcdefgh pa%22ss%20w%C3%B6rd%2F%2B")

    with hostile_server(saying(echo(trigger.model_dump_json()))) as server, EngineClient(server.url, TOKEN) as client:
        with pytest.raises(EngineApiError) as failed:
            client.create_trigger(trigger)
        with pytest.raises(EngineApiError) as dry_run:
            client.test_schedule_plugin(TestSchedulePlugin(filename="p.py", database="db", input_arguments=secrets))

    for error in (failed.value, dry_run.value):
        for secret in ("k9-hunter2", "ss wörd", "%22ss", "MIIE", TOKEN):
            assert secret not in str(error)
    assert "hook-k9-path" not in str(failed.value)
    assert "<trigger_arguments.plain>" in str(failed.value)


def test_no_error_of_a_call_contains_the_request_path() -> None:
    with EngineClient("http://127.0.0.1:9") as client, pytest.raises(EngineUnreachable) as failed:
        client.call_request_trigger("hook-k9-hunter2")

    assert "hunter2" not in str(failed.value)


def test_no_error_contains_credentials_of_urls() -> None:
    body = "ERROR: https://user:pw-k9@host.example/simple/?token=q-k9#f-k9: 404; git+ssh://git:tok-k9@h/x"
    with hostile_server(saying(http(500, body))) as server:
        text = str(fails(server.url, "install_packages"))

    assert "k9" not in text
    assert "https://***@host.example/simple/?***" in text


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as opened:
        yield opened


def test_a_tls_handshake_has_a_time_limit(listener: socket.socket) -> None:
    error = fails(f"https://127.0.0.1:{listener.getsockname()[1]}", "ping")

    assert isinstance(error, EngineUnreachable)
    assert "influxdb3:timeout is 1 s" in str(error)


def test_sending_a_body_has_a_time_limit(listener: socket.socket) -> None:
    with EngineClient(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=TIMEOUT) as client:
        began = time.monotonic()
        with pytest.raises(AnswerLost, match="influxdb3:timeout is 1 s"):
            client.create_plugin_file("p.py", "x" * 64_000_000)
        assert time.monotonic() - began < PATIENCE


def test_slow_answers_in_many_threads_all_end_in_time() -> None:
    with hostile_server(DELAYS["a body that drips"]) as server, EngineClient(server.url, timeout=TIMEOUT) as client:
        failures: list[BaseException] = []

        def ping() -> None:
            try:
                client.ping()
            except EngineApiError as error:
                failures.append(error)

        threads = [threading.Thread(target=ping) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert len(failures) == 40


def test_control_characters_are_escaped_except_line_feeds_and_tabs() -> None:
    with hostile_server(ANSWERS["an error that steers the terminal"]) as server:
        text = str(fails(server.url, "ping"))

    assert STEERING not in text
    assert r"\x1b[2J\x1b]0;hostile-mark\x07\x9b31m\x7f\u2028\u202e\rhostile-mark\x00" in text


def test_a_missing_file_in_ssl_cert_file_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/ca.pem")

    EngineClient("http://127.0.0.1:1").close()  # needs none
    with pytest.raises(EngineUnreachable, match="the authorities in SSL_CERT_FILE or SSL_CERT_DIR cannot be read"):
        EngineClient("https://127.0.0.1:1")
