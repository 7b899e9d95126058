"""Errors say what an operator, or the owner of the stack, has to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources import program
from influxdb3_engine_resources.configuration import Configuration, Servers
from influxdb3_engine_resources.database import DatabaseLogic
from influxdb3_engine_resources.server import engine, retry
from influxdb3_engine_resources.triggers.logic import TriggerLogic
from pulumi_influxdb3_engine._adapter import Adapter
from pulumi_influxdb3_engine._failures import DeploymentError

if TYPE_CHECKING:
    from fake_server import FakeServer

TRIGGER = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:1s"}
REFUSED = httpx.Response(401, text='{"error": "the request was not authenticated"}')


WRONG_URL = httpx.Response(404, text="Not found")
NOT_ADMIN = httpx.Response(403, text='{"error": "not permitted"}')


@pytest.mark.parametrize("operation", ["refresh", "destroy"])
@pytest.mark.parametrize(
    ("answer", "what"),
    [(REFUSED, "token"), (NOT_ADMIN, "token"), (WRONG_URL, "URL"), (httpx.ConnectError("refused"), "URL")],
)
def test_refresh_and_destroy_say_that_url_and_token_are_those_of_the_last_up(
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    answer: httpx.Response | Exception,
    what: str,
) -> None:
    monkeypatch.setattr(program, "_programs", {})
    monkeypatch.setattr(engine, "engine", lambda _stack: server.engine())
    monkeypatch.setattr(engine, "_START_PATIENCE", 0)
    monkeypatch.setattr(retry, "_PAUSES", ())
    server.failures = {"query triggers": [answer], "disable t": [answer]}
    adapter = Adapter(TriggerLogic(), {}, Servers(Configuration()))

    with pytest.raises(DeploymentError, match=f"This {what} may be from the last 'pulumi up'") as said:
        adapter.read("db/t", TRIGGER) if operation == "refresh" else adapter.delete(TRIGGER)
    assert "influxdb3:authToken" not in str(said.value)


def test_what_a_program_removes_is_deleted_with_the_configuration_of_now(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_programs", {})
    monkeypatch.setattr(engine, "engine", lambda _stack: server.engine())
    server.failures["disable t"] = [REFUSED]
    adapter = Adapter(TriggerLogic(), {}, Servers(Configuration()))
    adapter.check({}, TRIGGER | {"trigger_name": "another"})

    with pytest.raises(DeploymentError, match="pulumi config set --secret influxdb3:authToken TOKEN"):
        adapter.delete(TRIGGER)


@pytest.mark.parametrize(
    ("operation", "request_name"),
    [
        (lambda: Adapter(TriggerLogic(), {}, Servers(Configuration())).create(TRIGGER), "create t"),
        (lambda: Adapter(DatabaseLogic(), {}, Servers(Configuration())).create({"db": "d"}), "make-database"),
        (lambda: Adapter(TriggerLogic(), {}, Servers(Configuration(online_checks=True))).check({}, TRIGGER), "ping"),
    ],
)
def test_an_unknown_token_is_an_error_that_names_its_key(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, operation: Any, request_name: str
) -> None:
    monkeypatch.setattr(engine, "engine", lambda stack: server.engine(online_checks=stack.online_checks))
    server.failures[request_name] = [REFUSED]

    with pytest.raises(
        DeploymentError, match=r"was not authenticated\. .*pulumi config set --secret influxdb3:authToken TOKEN"
    ):
        operation()


def test_numbers_that_travelled_as_doubles_are_whole_again_where_they_were() -> None:
    given = TRIGGER | {
        "trigger_arguments": {"whole": 5.0, "half": 2.5, "huge": 1e22, "minus": -0.0, "on": True},
        "watch": {"seconds": 1.5, "runs": 2.0},
    }
    inputs = Adapter(TriggerLogic(), {}, Servers(Configuration())).check({}, given).inputs

    assert inputs["trigger_arguments"] == {
        "whole": "5",
        "half": "2.5",
        "huge": "10000000000000000000000",
        "minus": "0",
        "on": "true",
    }
    assert inputs["watch"] == {"seconds": 1.5, "runs": 2}
