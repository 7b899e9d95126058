"""Triggers on tables that do not exist: a real server stops them without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

pytestmark = pytest.mark.usefixtures("two_plugins")

LOGIC = TriggerLogic()
WARNING = "runs on table 'cpu', which does not exist yet"


def trigger(name: str = "t", **properties: Any) -> TriggerInputs:
    given = {"db": "db", "trigger_name": name, "plugin_filename": "p.py", "trigger_specification": "table:cpu"}
    return TriggerInputs.checked(given | properties)


def test_a_trigger_on_a_missing_table_is_warned_of_once_by_two_requests(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = server.engine()

    for name in ("a", "b"):
        LOGIC.create(trigger(name), engine)

    assert server.requests == ["create a", "ping", "query tables", "create b"]
    said = capsys.readouterr().err
    assert said.count(WARNING) == 2
    assert "trigger 'a' in database 'db'" in said


@pytest.mark.parametrize(
    "properties",
    [
        {"trigger_specification": "all_tables"},
        {"trigger_settings": {"run_async": True}},
        {"disabled": True},
    ],
)
def test_safe_triggers_need_no_look_for_their_table(server: FakeServer, properties: dict[str, Any]) -> None:
    LOGIC.create(trigger(**properties), server.engine())

    assert server.requests == ["create t"]


def test_there_is_no_warning_if_the_table_exists_or_on_the_embedded_engine(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.tables = {"cpu"}
    LOGIC.create(trigger("a"), server.engine())
    server.tables = set()
    server.product = ("InfluxDB 3 Processing engine, embedded", "3.10.0")
    LOGIC.create(trigger("b"), server.engine())

    assert capsys.readouterr().err == ""


def test_enabling_and_adopting_warn_once(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    LOGIC.create(trigger(disabled=True), server.engine())
    LOGIC.update(trigger(disabled=True), trigger(), server.engine())
    assert capsys.readouterr().err.count(WARNING) == 1

    LOGIC.create(trigger(adopt=True, trigger_arguments={"a": "1"}), server.engine())
    assert capsys.readouterr().err.count(WARNING) == 1


def test_a_trigger_is_created_even_if_its_table_cannot_be_looked_up(server: FakeServer) -> None:
    server.failures["ping"] = [httpx.ReadError("reset")]

    LOGIC.create(trigger(), server.engine())

    assert list(server.triggers) == ["t"]
