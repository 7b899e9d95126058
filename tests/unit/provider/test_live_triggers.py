"""Whether a trigger on a server is the one that a request, whose answer was lost, would have created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_api import CreateTrigger, EngineApiError, ErrorBehavior, TriggerSettings
from influxdb3_engine_resources.server import retry
from influxdb3_engine_resources.triggers.steps import TriggerSteps

if TYPE_CHECKING:
    from fake_server import FakeServer

pytestmark = pytest.mark.usefixtures("two_plugins")

WANTED: dict[str, Any] = {
    "db": "db",
    "plugin_filename": "p.py",
    "trigger_name": "t",
    "trigger_settings": TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
    "trigger_specification": "every:60s",
    "trigger_arguments": {"a": "1"},
    "disabled": False,
}
OTHERS: dict[str, dict[str, Any]] = {
    "another plugin": {"plugin_filename": "q.py"},
    "another schedule": {"trigger_specification": "every:61s"},
    "other arguments": {"trigger_arguments": {"a": "2"}},
    "more arguments": {"trigger_arguments": {"a": "1", "b": "2"}},
    "no arguments": {"trigger_arguments": None},
    "another behaviour on errors": {
        "trigger_settings": TriggerSettings(run_async=False, error_behavior=ErrorBehavior.RETRY)
    },
    "being disabled": {"disabled": True},
}
SAME: dict[str, dict[str, Any]] = {
    "every property": {},
    "the same schedule in other words": {"trigger_specification": "every:1m"},
    "what the server does not tell": {
        "trigger_settings": TriggerSettings(run_async=True, error_behavior=ErrorBehavior.LOG)
    },
}


def create_where_the_answer_is_lost(server: FakeServer, there: dict[str, Any], **wanted: Any) -> None:
    """Create the trigger; the request is carried out, or somebody else was faster, and its answer is lost."""
    server.triggers["t"] = CreateTrigger(**(WANTED | there)).model_dump(mode="json")
    server.failures["create t"] = [httpx.ReadError("reset")]
    TriggerSteps(server.engine(), "db").create(CreateTrigger(**(WANTED | wanted)))


@pytest.mark.parametrize("what", SAME)
def test_after_a_lost_answer_a_trigger_that_is_the_same_counts_as_created(server: FakeServer, what: str) -> None:
    create_where_the_answer_is_lost(server, SAME[what])

    assert server.requests.count("create t") == 1


def test_empty_arguments_equal_no_arguments(server: FakeServer) -> None:
    create_where_the_answer_is_lost(server, {"trigger_arguments": None}, trigger_arguments={})
    create_where_the_answer_is_lost(server, {"trigger_arguments": {}}, trigger_arguments=None)

    assert server.requests.count("create t") == 2


@pytest.mark.parametrize("what", OTHERS)
def test_after_a_lost_answer_a_trigger_that_differs_is_an_error(server: FakeServer, what: str) -> None:
    with pytest.raises(EngineApiError, match="reset"):
        create_where_the_answer_is_lost(server, OTHERS[what])


def test_after_a_lost_answer_a_missing_trigger_is_created_again(server: FakeServer) -> None:
    server.failures["create t"] = [httpx.ReadError("reset")]

    TriggerSteps(server.engine(), "db").create(CreateTrigger(**WANTED))

    assert server.requests.count("create t") == 2
    assert "t" in server.triggers


def test_a_refusal_is_not_tried_again(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_PAUSES", ())
    server.failures["create t"] = [httpx.Response(500, text="Plugin error: no")]

    with pytest.raises(EngineApiError, match="Plugin error"):
        TriggerSteps(server.engine(), "db").create(CreateTrigger(**WANTED))
    assert server.requests.count("create t") == 1
