"""The logic of triggers on a running engine, without the CLI."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from servers import PROGRAM, start_server

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

LOGIC = TriggerLogic()
GOOD = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    influxdb3_local.info('fine')\n"
BAD = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    raise ValueError('no good')\n"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return 'ok'\n"


@pytest.fixture
def live(engine: RunningEngine, db: str) -> Iterator[Engine]:
    """The provider's connection to the engine, which has plugins."""
    live = Engine(Configuration(host_url=engine.url))
    for name, content in {"good.py": GOOD, "bad.py": BAD, "request.py": REQUEST}.items():
        live.client.create_plugin_file(name, content)
    yield live
    for row in live.client.triggers(db):
        live.client.delete_trigger(db, row.trigger_name, force=True)


def trigger(db: str, name: str = "t", /, **properties: object) -> TriggerInputs:
    inputs = {"db": db, "trigger_name": name, "plugin_filename": "good.py", "trigger_specification": "every:1s"}
    return TriggerInputs.checked(inputs | properties)


def read(declared: TriggerInputs, live: Engine) -> TriggerInputs:
    """The trigger as it is on the server."""
    found = LOGIC.read(declared, {}, live)
    assert found is not None
    return found.inputs


def running(live: Engine, db: str) -> dict[str, str]:
    return {row.trigger_name: row.plugin_filename for row in live.client.triggers(db)}


WATCH = {"seconds": 10}


def test_a_watched_creation_whose_first_run_fails_is_rolled_back(live: Engine, db: str) -> None:
    with pytest.raises(ResourceError, match=r"failed when it first ran\. It was deleted again: .*ValueError: no good"):
        LOGIC.create(trigger(db, f"w_{db}", plugin_filename="bad.py", watch=WATCH), live)
    assert running(live, db) == {}


def test_a_watched_creation_ends_with_the_first_run_that_succeeds(live: Engine, db: str) -> None:
    LOGIC.create(trigger(db, f"w_{db}", watch=WATCH), live)
    assert running(live, db) == {f"w_{db}": "good.py"}


def test_a_watched_swap_whose_first_run_fails_is_rolled_back(live: Engine, db: str) -> None:
    name = f"w_{db}"
    old = trigger(db, name)
    LOGIC.create(old, live)
    with pytest.raises(ResourceError, match=r"The previous definition is live again: .*ValueError: no good"):
        LOGIC.update(old, trigger(db, name, plugin_filename="bad.py", watch=WATCH), live)
    assert running(live, db) == {name: "good.py"}


def test_a_request_path_in_use_is_an_error_that_names_the_trigger_and_its_database(live: Engine, db: str) -> None:
    path = f"p_{db}"
    other = f"{db}_other"
    live.client.create_database(other)
    served = {"plugin_filename": "request.py", "trigger_specification": f"request:{path}"}
    LOGIC.create(trigger(db, "first", **served), live)
    with pytest.raises(ResourceError, match=rf"path belongs to trigger 'first' of database '{db}'"):
        LOGIC.create(trigger(db, "second", **served | {"db": other}), live)
    assert live.client.triggers(other) == []
    LOGIC.create(trigger(db, "second", **served | {"db": other, "disabled": True}), live)
    live.claimed.clear()  # another deployment
    LOGIC.delete(trigger(db, "first", **served), live)
    disabled = trigger(db, "second", **served | {"db": other, "disabled": True})
    LOGIC.update(disabled, trigger(db, "second", **served | {"db": other}), live)
    assert live.client.call_request_trigger(path).text == "ok"
    live.client.delete_trigger(other, "second", force=True)


def test_two_triggers_of_one_program_with_one_path_are_an_error_without_requests() -> None:
    program = Program(Configuration(host_url="http://127.0.0.1:9"))
    inputs = {"db": "d", "plugin_filename": "r.py", "trigger_specification": "request:r"}
    LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "one"}), program)
    LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "one"}), program)
    with pytest.raises(InvalidInputs, match=r"trigger_specification: the request path belongs to trigger 'one'"):
        LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "two"}), program)


def test_the_preview_shows_what_an_adoption_changes(live: Engine, db: str, capfd: pytest.CaptureFixture[str]) -> None:
    LOGIC.create(trigger(db, trigger_arguments={"password": "secret"}), live)
    LOGIC.check_online(trigger(db, adopt=True, disabled=True), None, live)
    notices = capfd.readouterr().err
    assert "disabled: False -> True" in notices
    assert "trigger_arguments: loses password" in notices
    assert "secret" not in notices


@pytest.mark.skipif(PROGRAM is not None, reason="servers before 3.11 do not store that they disabled a trigger")
def test_a_notice_says_that_the_server_disabled_a_trigger_after_an_error(
    live: Engine, db: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name = f"w_{db}"
    declared = trigger(db, name, plugin_filename="bad.py", trigger_settings={"error_behavior": "disable"})
    LOGIC.create(declared, live)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.1)
        live.live_triggers.forget(db)
        if read(declared, live).disabled:
            break
    assert read(declared, live).disabled
    notices = capfd.readouterr().err
    assert "was disabled by its error_behavior after an error" in notices


def test_another_kind_of_server_is_not_mistaken_for_an_empty_server(tmp_path: Path) -> None:
    with start_server(tmp_path / "engine") as running_engine:
        wrong = Engine(Configuration(host_url=f"{running_engine.url}/somewhere"))
        declared = TriggerInputs.checked(
            {"db": "d", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "all_tables"}
        )
        with pytest.raises(EngineApiError, match="InfluxDB 3 server"):
            LOGIC.read(declared, {}, wrong)
        with pytest.raises(ResourceError, match="InfluxDB 3 server"):
            LOGIC.delete(declared, wrong)


@pytest.mark.parametrize("year", ["2030", "2020", "2030-2040/2,2050", "*"])
def test_a_cron_expression_with_a_year_is_deployed_and_read_back_unchanged(live: Engine, db: str, year: str) -> None:
    declared = trigger(db, trigger_specification=f"cron:0 0 6 * * 1-5 {year}")
    LOGIC.create(declared, live)
    (row,) = live.client.triggers(db)
    assert row.trigger_specification == f'{{"schedule":{{"schedule":"0 0 6 * * MON-FRI {year}"}}}}'
    assert read(declared, live) == declared
