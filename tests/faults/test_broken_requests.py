"""Every request of every operation, broken in every way, against the running engine.

After each: what is live is the old definition or the new one, a failure leaves the state that Pulumi keeps in agreement
with the next ``up``, and no candidate is left.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest
from breaking_proxy import BreakingProxy, Fault
from servers import start_server

from pulumi_influxdb3_engine.logic.configuration import Configuration
from pulumi_influxdb3_engine.logic.engine import Engine
from pulumi_influxdb3_engine.logic.resource import ResourceError
from pulumi_influxdb3_engine.logic.trigger import TriggerLogic
from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs

TIMEOUT = 0.5
WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
TRIGGERS = TriggerLogic()


@dataclass
class Rig:
    """An engine, a proxy before it, and the provider's side of either."""

    proxy: BreakingProxy
    direct: Engine
    through: Engine


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("engine")) as engine:
        proxy = BreakingProxy(engine.url, silence=TIMEOUT + 0.3)
        direct = Engine(Configuration(host_url=engine.url))
        direct.client.create_database("d")
        direct.client.create_plugin_file("w.py", WRITES)
        direct.client.create_plugin_file("v.py", WRITES)
        through = Engine(Configuration(host_url=proxy.url, timeout=TIMEOUT))
        facts = through.hosts[0].facts  # asked for once a deployment, and no failure is one of the deployment
        assert facts.tables("d") == set()
        facts.stops_triggers_on_missing_tables()
        yield Rig(proxy, direct, through)
        proxy.close()


def trigger(name, **properties):
    given = {"db": "d", "trigger_name": name, "plugin_filename": "w.py", "trigger_specification": "all_tables"}
    return TriggerInputs.checked(given | properties)


def differs(state, inputs):
    return TRIGGERS.diff(state, inputs).changes


def live(rig, state):
    """The live trigger as inputs, read past the proxy; ``None`` where there is none."""
    rig.direct.system_tables.forget("d")
    found = TRIGGERS.read(state, {}, rig.direct)
    return found and found.inputs


def candidates(rig):
    return [row.trigger_name for row in rig.direct.client.triggers("d") if "candidate" in row.trigger_name]


@dataclass(frozen=True)
class Operation:
    """A change of one trigger: from ``before`` (``None``: there is none) to ``after`` (``None``: deleted)."""

    before: dict[str, object] | None
    after: dict[str, object] | None


OPERATIONS = {
    "create": Operation(None, {}),
    "create with arguments": Operation(None, {"trigger_arguments": {"a": 1}}),
    "disable": Operation({}, {"disabled": True}),
    "enable": Operation({"disabled": True}, {}),
    "swap arguments": Operation({"trigger_arguments": {"a": 1}}, {"trigger_arguments": {"a": 2}}),
    "swap plugin and specification": Operation({}, {"plugin_filename": "v.py", "trigger_specification": "table:t"}),
    "delete": Operation({}, None),
    "delete disabled": Operation({"disabled": True}, None),
}


def carry_out(engine, state, inputs):
    """What Pulumi does: the new state after a success, the old one after a failure."""
    try:
        if state is None and inputs is not None:
            TRIGGERS.create(inputs, engine)
        elif state is not None and inputs is None:
            TRIGGERS.delete(state, engine)
        elif state is not None and differs(state, inputs):
            TRIGGERS.update(state, inputs, engine)
    except ResourceError as error:
        return state, str(error)
    return inputs, None


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_trigger_is_the_old_or_the_new_one_after_any_broken_request(rig, name):
    outcomes = [_break(rig, OPERATIONS[name], number, fault) for fault in Fault for number in _requests(rig, name)]
    failed = sum(message is not None for message in outcomes)
    print(f"{name}: {len(outcomes)} broken requests, {failed} of them made the operation fail with a message")


def _requests(rig, name):
    """Numbers of the requests that the operation takes when nothing breaks."""
    operation = OPERATIONS[name]
    rig.proxy.mend()
    rig.proxy.requests.clear()
    before, after = _definitions(operation)
    if before is not None:
        TRIGGERS.create(before, rig.direct)
    assert carry_out(rig.through, before, after)[1] is None
    if after is not None:
        TRIGGERS.delete(after, rig.direct)
    return range(1, len(rig.proxy.requests) + 1)


def _definitions(operation):
    name = f"t_{uuid.uuid4().hex[:8]}"
    return [None if each is None else trigger(name, **each) for each in (operation.before, operation.after)]


def _break(rig, operation, number, fault):
    """Carry out the operation with one request broken, check what is left, and return the message it failed with."""
    before, after = _definitions(operation)
    if before is not None:
        TRIGGERS.create(before, rig.direct)
    rig.proxy.break_request(number, fault)
    state, message = carry_out(rig.through, before, after)
    rig.proxy.mend()
    case = f"request {number} of {rig.proxy.requests}: {fault.value}: {message}"
    assert rig.proxy.triggered, case

    found = live(rig, before or after)
    assert _is(found, before) or _is(found, after), case
    _, again = carry_out(rig.direct, state, after)  # the next "up"
    assert again is None, case
    assert _is(live(rig, before or after), after), case
    assert candidates(rig) == [], case
    if after is not None:
        TRIGGERS.delete(after, rig.direct)
    return message


def _is(found, wanted):
    return found is None if wanted is None else found is not None and not differs(found, wanted)
