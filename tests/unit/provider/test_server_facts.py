"""Facts about servers of several releases. The embedded engine has only one release, so these servers are fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import InvalidInputs
from influxdb3_engine_resources.server import retry
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

CORE, ENTERPRISE = "InfluxDB 3 Core", "InfluxDB 3 Enterprise"


@pytest.mark.parametrize("version", ["3.10.0", "3.11.0-0.rc.1", "4.0.1", "my-build", ""])
def test_releases_that_have_the_api_are_accepted(server: FakeServer, version: str) -> None:
    server.product = (CORE, version)

    server.engine().refuse_old_servers()


@pytest.mark.parametrize("version", ["2.7.11", "3.9.12"])
def test_an_older_release_is_named_with_what_to_do(server: FakeServer, version: str) -> None:
    server.product = (CORE, version)

    with pytest.raises(InvalidInputs, match=rf"influxdb3:hostUrl: .* runs {CORE} {version}, .*: upgrade the server"):
        server.engine().refuse_old_servers()


def test_every_fact_is_asked_for_once_and_failures_are_not_kept(server: FakeServer) -> None:
    engine = server.engine()
    server.failures["ping"] = [httpx.Response(500, text="not yet")]

    with pytest.raises(EngineApiError, match="not yet"):
        engine.refuse_old_servers()
    for _ in range(3):
        engine.refuse_old_servers()

    assert server.requests == ["ping", "ping"]


@pytest.mark.parametrize(
    ("product", "settings", "warned"),
    [
        ((CORE, "3.10.2"), {"error_behavior": "retry"}, True),
        ((CORE, "3.10.3"), {"error_behavior": "retry"}, False),
        ((ENTERPRISE, "3.10.1"), {"error_behavior": "retry"}, True),
        ((ENTERPRISE, "3.10.2"), {"error_behavior": "retry"}, False),
        (("another engine", "3.10.0"), {"error_behavior": "retry"}, False),
        ((CORE, "3.10.0"), {"error_behavior": "retry", "run_async": True}, False),
        ((CORE, "3.10.0"), {"error_behavior": "log"}, False),
    ],
)
def test_retries_that_would_block_the_server_are_warned_of(
    server: FakeServer,
    product: tuple[str, str],
    settings: dict[str, object],
    warned: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.product = product
    (server.plugin_directory / "p.py").write_text("")
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:1s"}
    engine = server.engine(online_checks=True)

    TriggerLogic().check_online(TriggerInputs.checked(given | {"trigger_settings": settings}), None, engine)

    assert ("trigger 't' retries: " in capsys.readouterr().err) == warned


@pytest.mark.parametrize("question", ["files", "probe"])
def test_a_lost_answer_to_a_question_does_not_mention_a_change(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setattr(retry, "_PAUSES", ())
    host = server.engine().hosts[0]
    server.failures = {"write ": [httpx.ReadError("reset")], "probe": [httpx.ReadError("reset")]}

    with pytest.raises(EngineApiError, match="the connection broke") as lost:
        host.facts.refuses_files() if question == "files" else host.probe.ask()

    assert "carried out" not in str(lost.value)
