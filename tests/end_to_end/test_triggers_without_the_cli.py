"""Logic of triggers on a running engine, without the CLI."""

from __future__ import annotations

import time
import uuid

import pytest
from servers import PROGRAM, start_server

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

LOGIC = TriggerLogic()
GOOD = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    influxdb3_local.info('fine')\n"
BAD = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    raise ValueError('no good')\n"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return 'ok'\n"


@pytest.fixture
def live(engine):
    """The provider's connection to the engine, with a database and plugins."""
    live = Engine(Configuration(host_url=engine.url))
    live.db = f"db_{uuid.uuid4().hex[:8]}"
    live.client.create_database(live.db)
    for name, content in {"good.py": GOOD, "bad.py": BAD, "request.py": REQUEST}.items():
        live.client.create_plugin_file(name, content)
    yield live
    for row in live.client.triggers(live.db):
        live.client.delete_trigger(live.db, row.trigger_name, force=True)


def trigger(live, name="t", **properties):
    inputs = {"db": live.db, "trigger_name": name, "plugin_filename": "good.py", "trigger_specification": "every:1s"}
    return TriggerInputs.checked(inputs | properties)


def running(live):
    return {row.trigger_name: row.plugin_filename for row in live.client.triggers(live.db)}


WATCH = {"seconds": 10}


def test_a_watched_creation_whose_first_run_fails_is_rolled_back(live):
    with pytest.raises(ResourceError, match=r"failed when it first ran\. It was deleted again: .*ValueError: no good"):
        LOGIC.create(trigger(live, f"w_{live.db}", plugin_filename="bad.py", watch=WATCH), live)
    assert running(live) == {}


def test_a_watched_creation_ends_with_the_first_run_that_succeeds(live):
    LOGIC.create(trigger(live, f"w_{live.db}", watch=WATCH), live)
    assert running(live) == {f"w_{live.db}": "good.py"}


def test_a_watched_swap_whose_first_run_fails_is_rolled_back(live):
    name = f"w_{live.db}"
    old = trigger(live, name)
    LOGIC.create(old, live)
    with pytest.raises(ResourceError, match=r"The previous definition is live again: .*ValueError: no good"):
        LOGIC.update(old, trigger(live, name, plugin_filename="bad.py", watch=WATCH), live)
    assert running(live) == {name: "good.py"}


def test_a_request_path_in_use_is_an_error_that_names_the_trigger_and_its_database(live):
    path = f"p_{live.db}"
    other = f"{live.db}_other"
    live.client.create_database(other)
    served = {"plugin_filename": "request.py", "trigger_specification": f"request:{path}"}
    LOGIC.create(trigger(live, "first", **served), live)
    with pytest.raises(ResourceError, match=rf"path belongs to trigger 'first' of database '{live.db}'"):
        LOGIC.create(trigger(live, "second", **served | {"db": other}), live)
    assert live.client.triggers(other) == []
    LOGIC.create(trigger(live, "second", **served | {"db": other, "disabled": True}), live)
    live.claimed.clear()  # another deployment
    LOGIC.delete(trigger(live, "first", **served), live)
    disabled = trigger(live, "second", **served | {"db": other, "disabled": True})
    LOGIC.update(disabled, trigger(live, "second", **served | {"db": other}), live)
    assert live.client.call_request_trigger(path).text == "ok"
    live.client.delete_trigger(other, "second", force=True)


def test_two_triggers_of_one_program_with_one_path_are_an_error_without_requests():
    program = Program(Configuration(host_url="http://127.0.0.1:9"))
    inputs = {"db": "d", "plugin_filename": "r.py", "trigger_specification": "request:r"}
    LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "one"}), program)
    LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "one"}), program)
    with pytest.raises(InvalidInputs, match=r"trigger_specification: the request path belongs to trigger 'one'"):
        LOGIC.check(TriggerInputs.checked(inputs | {"trigger_name": "two"}), program)


def test_the_preview_shows_what_an_adoption_changes(live, capfd):
    LOGIC.create(trigger(live, trigger_arguments={"password": "secret"}), live)
    LOGIC.check_online(trigger(live, adopt=True, disabled=True), None, live)
    said = capfd.readouterr().err
    assert "disabled: False -> True" in said
    assert "trigger_arguments: loses password" in said
    assert "secret" not in said


@pytest.mark.skipif(PROGRAM is not None, reason="servers before 3.11 do not store that they disabled a trigger")
def test_a_notice_says_that_the_server_disabled_a_trigger_after_an_error(live, capfd):
    name = f"w_{live.db}"
    declared = trigger(live, name, plugin_filename="bad.py", trigger_settings={"error_behavior": "disable"})
    LOGIC.create(declared, live)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.1)
        live.live_triggers.forget(live.db)
        found = LOGIC.read(declared, {}, live)
        if found.inputs.disabled:
            break
    assert found.inputs.disabled
    said = capfd.readouterr().err
    assert "was disabled by its error_behavior after an error" in said


def test_another_kind_of_server_is_not_mistaken_for_an_empty_server(tmp_path):
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
def test_a_cron_expression_with_a_year_is_deployed_and_read_back_unchanged(live, year):
    declared = trigger(live, trigger_specification=f"cron:0 0 6 * * 1-5 {year}")
    created = LOGIC.create(declared, live)
    (row,) = live.client.triggers(live.db)
    assert row.trigger_specification == f'{{"schedule":{{"schedule":"0 0 6 * * MON-FRI {year}"}}}}'
    assert LOGIC.read(declared, created.outputs, live).inputs == declared
