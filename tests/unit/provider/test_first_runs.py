"""Watching the first runs of a definition, on logs as real servers write them (contract 3.2, 10.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.triggers import first_runs
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

    from influxdb3_engine_api import CreateTrigger

pytestmark = pytest.mark.usefixtures("two_plugins")

LOGIC = TriggerLogic()
STARTED, FINISHED = "starting execution with scheduled time x", "finished execution in 1ms"
ERROR = "error executing schedule plugin: ValueError: no good"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_runs, "_SECONDS_BETWEEN_LOOKS", 0.0)


def trigger(*, watched: bool = True, **properties: Any) -> TriggerInputs:
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:1s"}
    watch = {"watch": {"seconds": 0.05}} if watched else {}
    return LOGIC.check(TriggerInputs.checked(given | watch | properties), Program(Configuration()))


class Runs:
    """Logs rows when a request comes."""

    def __init__(self, server: FakeServer, **rows: list[tuple[str, str]]) -> None:
        self._server, self._rows = server, rows
        self._handle = server.answer
        server.answer = self  # type: ignore[method-assign]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._handle(request)
        for level, text in self._rows.get(self._server.requests[-1].replace(" ", "_"), []):
            self._server.log(text, level=level)
        return answer


def test_an_error_of_the_old_definition_while_it_is_stopped_does_not_count(server: FakeServer) -> None:
    LOGIC.create(trigger(watched=False), server.engine())
    Runs(
        server,
        disable_t=[("ERROR", "error executing schedule plugin: KeyboardInterrupt: shutting down"), ("INFO", FINISHED)],
        create_t=[("INFO", STARTED), ("INFO", FINISHED)],
    )

    LOGIC.update(trigger(watched=False), trigger(plugin_filename="q.py"), server.engine())

    assert server.triggers["t"]["plugin_filename"] == "q.py"


def test_a_failed_run_rolls_the_definition_back(server: FakeServer) -> None:
    LOGIC.create(trigger(watched=False), server.engine())
    Runs(server, disable_t=[("INFO", FINISHED)], create_t=[("INFO", STARTED), ("ERROR", ERROR)])

    with pytest.raises(ResourceError, match=r"The previous definition is live again: .*ValueError: no good"):
        LOGIC.update(trigger(watched=False), trigger(plugin_filename="q.py"), server.engine())

    assert server.triggers["t"]["plugin_filename"] == "p.py"


def test_runs_that_are_retried_have_failed_although_the_log_has_no_error(server: FakeServer) -> None:
    Runs(server, create_t=[("INFO", STARTED)] * 3)

    with pytest.raises(ResourceError, match=r"It was deleted again: 3 started and 0 finished .*, so a run failed"):
        LOGIC.create(trigger(trigger_settings={"error_behavior": "retry"}), server.engine())

    assert server.triggers == {}


def test_a_trigger_that_the_server_has_disabled_has_failed(server: FakeServer) -> None:
    Runs(server, create_t=[("INFO", STARTED)])
    engine = server.engine()
    live = engine.client.create_trigger

    def create_and_disable(trigger: CreateTrigger) -> None:
        live(trigger)
        server.triggers["t"] = server.triggers["t"] | {"disabled": True}

    engine.client.create_trigger = create_and_disable  # type: ignore[method-assign]

    with pytest.raises(ResourceError, match="the server has disabled it, so a run failed"):
        LOGIC.create(trigger(trigger_settings={"error_behavior": "disable"}), engine)


def test_a_notice_says_that_it_is_unknown_whether_a_run_failed(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Runs(server, create_t=[("INFO", STARTED)])

    LOGIC.create(trigger(trigger_settings={"error_behavior": "disable"}), server.engine())

    assert "it is unknown whether its runs fail: 1 started and 0 finished" in capsys.readouterr().err
    assert "t" in server.triggers


def test_a_log_that_cannot_be_read_leaves_state_and_server_in_agreement(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.failures["query logs"] = [httpx.Response(200, json=[]), *[httpx.Response(500, text="no")] * 4]

    LOGIC.create(trigger(), server.engine())

    assert "is live and was not watched to the end" in capsys.readouterr().err
    assert "t" in server.triggers


def test_an_error_says_that_a_failed_trigger_may_still_be_live(server: FakeServer) -> None:
    Runs(server, create_t=[("ERROR", ERROR)])
    server.failures["disable t"] = [httpx.Response(500, text="busy")] * 4

    with pytest.raises(ResourceError, match=r"may still be live, .*busy.*ValueError: no good"):
        LOGIC.create(trigger(), server.engine())


def test_enabling_a_watched_trigger_is_watched(server: FakeServer) -> None:
    LOGIC.create(trigger(disabled=True), server.engine())
    Runs(server, enable_t=[("INFO", STARTED), ("ERROR", ERROR)])

    with pytest.raises(ResourceError, match=r"failed when it first ran\. It is disabled again: .*ValueError: no good"):
        LOGIC.update(trigger(disabled=True), trigger(), server.engine())

    assert server.triggers["t"]["disabled"]
