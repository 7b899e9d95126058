"""Every request of every operation, broken in every way, against the running engine.

After each broken request, the old definition or the new one is live, or the error says what is live. The next ``up``
deploys what is declared, with and without a refresh, and leaves no candidate.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy, Fault
from servers import start_server

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.names import CANDIDATE_SUFFIX
from influxdb3_engine_resources.server import retry
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.server.live_triggers import LiveTriggers
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 0.5
WRITES = """\
def process_writes(influxdb3_local, table_batches, args=None):
    pass
def process_scheduled_call(influxdb3_local, call_time, args=None):
    pass
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    pass
"""
WATCHED = {"watch": {"seconds": 0.05}}
TRIGGERS = TriggerLogic()


@dataclass
class Rig:
    """An engine, a proxy before it, and a provider's engine for each."""

    proxy: BreakingProxy
    direct: Engine
    through: Engine


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with start_server(tmp_path_factory.mktemp("engine")) as engine:
        proxy = BreakingProxy(engine.url, silence=TIMEOUT + 0.3)
        direct = Engine(Configuration(host_url=engine.url))
        direct.client.create_database("d")
        direct.client.create_plugin_file("w.py", WRITES)
        direct.client.create_plugin_file("v.py", WRITES)
        through = Engine(Configuration(host_url=proxy.url, timeout=TIMEOUT))
        direct.hosts[0].facts.tables("d")  # the first query of an engine takes longer than TIMEOUT
        facts = through.hosts[0].facts  # read here, so that the operations send no requests for them
        assert facts.tables("d") == set()
        facts.stops_triggers_on_missing_tables()
        yield Rig(proxy, direct, through)
        proxy.close()


def trigger(name: str, **properties: object) -> TriggerInputs:
    inputs = {"db": "d", "trigger_name": name, "plugin_filename": "w.py", "trigger_specification": "all_tables"}
    return TriggerInputs.checked(inputs | properties)


def differs(state: TriggerInputs, inputs: TriggerInputs) -> bool:
    return TRIGGERS.diff(state, inputs).changes


def live(rig: Rig, state: TriggerInputs) -> TriggerInputs | None:
    """The live trigger as inputs, or None; read without the proxy."""
    rig.direct.live_triggers.forget("d")
    found = TRIGGERS.read(state, {}, rig.direct)
    return found.inputs if found else None


def candidates(rig: Rig) -> dict[str, bool]:
    """Candidates that exist, and whether each is disabled."""
    rows = rig.direct.client.triggers("d")
    return {row.trigger_name: row.disabled for row in rows if row.trigger_name.endswith(CANDIDATE_SUFFIX)}


@dataclass(frozen=True)
class Operation:
    """A change of one trigger from ``before`` (None: it does not exist) to ``after`` (None: it is deleted)."""

    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


OPERATIONS = {
    "create": Operation(None, {}),
    "create with arguments": Operation(None, {"trigger_arguments": {"a": 1}}),
    "disable": Operation({}, {"disabled": True}),
    "enable": Operation({"disabled": True}, {}),
    "swap arguments": Operation({"trigger_arguments": {"a": 1}}, {"trigger_arguments": {"a": 2}}),
    "swap plugin and specification": Operation({}, {"plugin_filename": "v.py", "trigger_specification": "table:t"}),
    "swap watched": Operation(WATCHED, {"plugin_filename": "v.py", **WATCHED}),
    "swap without carrying over": Operation({"handover": "cut"}, {"plugin_filename": "v.py", "handover": "cut"}),
    "swap a schedule": Operation(
        {"trigger_specification": "every:1h"}, {"trigger_specification": "every:1h", "plugin_filename": "v.py"}
    ),
    "swap a request": Operation(
        {"trigger_specification": "request:r"}, {"trigger_specification": "request:r", "plugin_filename": "v.py"}
    ),
    "swap and disable": Operation({}, {"plugin_filename": "v.py", "disabled": True}),
    "restart": Operation({"restart_on": [1]}, {"restart_on": [2]}),
    "restart a schedule": Operation(
        {"trigger_specification": "every:1h"}, {"trigger_specification": "every:1h", "restart_on": ["x"]}
    ),
    "delete": Operation({}, None),
    "delete disabled": Operation({"disabled": True}, None),
}


def carry_out(
    engine: Engine, state: TriggerInputs | None, inputs: TriggerInputs | None
) -> tuple[TriggerInputs | None, str | None]:
    """What Pulumi does: the new state after a success, the old one after a failure."""
    try:
        if state is None and inputs is not None:
            TRIGGERS.create(inputs, engine)
        elif state is not None and inputs is None:
            TRIGGERS.delete(state, engine)
        elif state is not None and inputs is not None and differs(state, inputs):
            TRIGGERS.update(state, inputs, engine)
    except ResourceError as error:
        return state, str(error)
    return inputs, None


@pytest.mark.parametrize("name", OPERATIONS)
def test_after_any_broken_request_the_old_or_the_new_definition_is_live(
    rig: Rig, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = [
        _break(rig, OPERATIONS[name], number, fault, capsys) for fault in Fault for number in _requests(rig, name)
    ]
    failed = sum(message is not None for message in outcomes)
    print(f"{name}: {len(outcomes)} broken requests, {failed} of them made the operation fail with a message")


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER], ids=lambda fault: fault.name)
# without "create": a person has to adopt a trigger that a killed creation has left
@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.before is not None])
def test_the_next_up_deploys_a_trigger_after_the_server_went_away_at_any_request(
    rig: Rig, name: str, fault: Fault, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_PAUSES", (0.01, 0.01))
    for refreshed in (False, True):
        for number in _requests(rig, name):
            _break(rig, OPERATIONS[name], number, fault, capsys, all_later=True, refreshed=refreshed)


def _requests(rig: Rig, name: str) -> range:
    """Numbers of the requests that the operation takes when nothing breaks."""
    operation = OPERATIONS[name]
    rig.proxy.stop_breaking()
    rig.proxy.requests.clear()
    before, after = _definitions(operation)
    if before is not None:
        TRIGGERS.create(before, rig.direct)
    _begin_a_deployment(rig.through)
    assert carry_out(rig.through, before, after)[1] is None
    if after is not None:
        TRIGGERS.delete(after, rig.direct)
    return range(1, len(rig.proxy.requests) + 1)


def _definitions(operation: Operation) -> tuple[TriggerInputs | None, TriggerInputs | None]:
    name = f"t_{uuid.uuid4().hex[:8]}"

    def definition(properties: Mapping[str, object] | None) -> TriggerInputs | None:
        if properties is None:
            return None
        own_path = {key: f"request:{name}" if value == "request:r" else value for key, value in properties.items()}
        return trigger(name, **own_path)

    return definition(operation.before), definition(operation.after)


def _begin_a_deployment(engine: Engine) -> None:
    engine.live_triggers = LiveTriggers(engine.client, engine.hosts[0].facts)
    engine.claimed.clear()


def _break(
    rig: Rig,
    operation: Operation,
    number: int,
    fault: Fault,
    capsys: pytest.CaptureFixture[str],
    *,
    all_later: bool = False,
    refreshed: bool = False,
) -> str | None:
    """Carry out the operation with one request broken, check what is left, and return the message it failed with."""
    before, after = _definitions(operation)
    declared = after or before
    assert declared is not None
    if before is not None:
        TRIGGERS.create(before, rig.direct)
    _begin_a_deployment(rig.through)
    capsys.readouterr()
    rig.proxy.break_request(number, fault, all_later=all_later)
    state, message = carry_out(rig.through, before, after)
    rig.proxy.stop_breaking()
    messages = f"{message} {capsys.readouterr().err}"
    case = f"request {number} of {rig.proxy.requests}: {fault.value}: {messages}"
    assert rig.proxy.triggered, case

    _check_messages(rig, before, after, messages, case)
    _begin_a_deployment(rig.direct)
    if refreshed and state is not None:
        state = live(rig, state)
    _, again = carry_out(rig.direct, state, after)  # the next "up"
    assert again is None, case
    assert _matches(live(rig, declared), after), case
    assert candidates(rig) == {}, case
    if after is not None:
        TRIGGERS.delete(after, rig.direct)
    return message


def _check_messages(
    rig: Rig, before: TriggerInputs | None, after: TriggerInputs | None, messages: str, case: str
) -> None:
    stored = before or after
    assert stored is not None
    name = stored.trigger_name
    there = {row.trigger_name: row.disabled for row in rig.direct.client.triggers("d")}
    found = live(rig, stored)
    found = found and found.model_copy(update={"left_candidate": None})
    left = candidates(rig)
    if name not in there and before is not None and after is not None:
        assert "is live as" in messages or "Nothing is live" in messages or "could not be asked" in messages, case
    elif (
        "could not be asked" not in messages
        and "may still be enabled" not in messages
        and "not deleted" not in messages
    ):
        assert _matches(found, before) or _matches(found, after), case
    if left:
        assert next(iter(left)) in messages or "could not be asked" in messages, case


def _matches(found: TriggerInputs | None, wanted: TriggerInputs | None) -> bool:
    return found is None if wanted is None else found is not None and not differs(found, wanted)
