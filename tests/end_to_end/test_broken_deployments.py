"""Deployments in which requests break or the engine is killed: each change is made in full, now or by the next up."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy, Fault
from servers import free_port, start_server
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

TIMEOUT = 1.0
WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"

Definition = dict[str, object]


@dataclass(frozen=True)
class Change:
    """A change of a trigger from one definition to another, and the number of its requests. None: no trigger."""

    before: Definition | None
    after: Definition | None
    requests: int


CHANGES = {
    "create": Change(None, {"a": "1", "disabled": False}, 1),
    "swap": Change({"a": "1", "disabled": False}, {"a": "2", "disabled": False}, 6),
    "swap and disable": Change({"a": "1", "disabled": False}, {"a": "2", "disabled": True}, 5),
    "disable": Change({"a": "1", "disabled": False}, {"a": "1", "disabled": True}, 1),
    "enable": Change({"a": "1", "disabled": True}, {"a": "1", "disabled": False}, 1),
    "delete": Change({"a": "1", "disabled": False}, None, 2),
}


@pytest.fixture
def proxy(engine: RunningEngine) -> Iterator[BreakingProxy]:
    engine.client.create_database("d")
    engine.client.create_plugin_file("w.py", WRITES)
    proxy = BreakingProxy(engine.url, silence=TIMEOUT + 0.5)
    yield proxy
    proxy.close()


def program(definitions: Mapping[str, Definition | None]) -> str:
    """A program with the triggers whose definition is not None."""
    return f"""
        for name, each in {definitions!r}.items():
            if each is not None:
                Trigger(name, db="d", plugin_filename="w.py", trigger_specification=ALL_TABLES,
                        trigger_arguments={{"a": each["a"]}}, disabled=each["disabled"])
    """


def live(engine: RunningEngine) -> dict[str, Definition]:
    arguments = engine.client.trigger_arguments("d")
    return {
        row.trigger_name: {"a": arguments[row.trigger_name]["a"], "disabled": row.disabled}
        for row in engine.client.triggers("d")
    }


def in_state(stack: Stack) -> dict[str, Definition]:
    return {
        name: {"a": each["outputs"]["trigger_arguments"]["a"], "disabled": each["outputs"]["disabled"]}
        for name, each in stack.resources().items()
    }


def test_after_any_broken_request_a_refresh_shows_what_is_live_and_the_next_up_completes_the_change(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine, proxy: BreakingProxy
) -> None:
    # a refused connection affects all requests; tests/faults/test_broken_requests.py covers it
    faults = [fault for fault in Fault if fault is not Fault.REFUSED]
    cases = {
        f"{name}-{number}-{fault.name}": (change, number, fault)
        for name, change in CHANGES.items()
        for number in range(1, change.requests + 1)
        for fault in faults
    }
    before = {name: change.before for name, (change, _, _) in cases.items()}
    after = {name: change.after for name, (change, _, _) in cases.items()}
    stack = Stack(tmp_path, cli, os.environ, config={"influxdb3:hostUrl": proxy.url, "influxdb3:timeout": str(TIMEOUT)})
    stack.program(program(before))
    stack.up()

    proxy.break_a_request_of_each({name: (number, fault) for name, (_, number, fault) in cases.items()})
    stack.program(program(after))
    broken = stack.up("--continue-on-error", expect=None)
    assert proxy.untriggered == set()
    proxy.stop_breaking()
    found = live(engine)
    half_made = {name: found.get(name) for name in cases if found.get(name) not in (before[name], after[name])}
    assert half_made == {}, broken.output
    stack.refresh()
    assert in_state(stack) == {name: each for name, each in found.items() if "candidate" not in name}

    stack.up()
    assert live(engine) == {name: each for name, each in after.items() if each is not None}
    assert in_state(stack) == live(engine)
    failed = broken.output.count("error: ")
    print(f"{len(cases)} broken requests in one deployment; the CLI printed {failed} errors")
    stack.program("")
    stack.up()
    assert live(engine) == {}


def test_the_next_up_completes_a_deployment_during_which_the_engine_was_killed(tmp_path: Path, cli: PulumiCli) -> None:
    count = 100
    bind = f"127.0.0.1:{free_port()}"
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": f"http://{bind}"})

    def wanted(argument: str) -> dict[str, Definition]:
        return {f"t{number}": {"a": argument, "disabled": False} for number in range(count)}

    with start_server(tmp_path / "engine", http_bind=bind) as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("w.py", WRITES)
        stack.program(program(wanted("1")))
        stack.up()
        stack.program(program(wanted("2")))
        killer = threading.Thread(target=_kill_halfway, args=(engine, count))
        killer.start()
        ran = stack.up(expect=None)
        killer.join()
    assert ran.status != 0
    assert "Is the server running, and is influxdb3:hostUrl right?" in ran.output

    with start_server(tmp_path / "engine", http_bind=bind) as engine:
        halfway = live(engine)
        print({name: sum(each["a"] == name for each in halfway.values()) for name in ("1", "2")}, len(halfway))
        stack.up("--refresh")
        assert live(engine) == wanted("2")
        assert in_state(stack) == wanted("2")
        stack.destroy()


def _kill_halfway(engine: RunningEngine, count: int) -> None:
    """Kill the engine once half of the triggers have their new definition."""
    deadline = time.monotonic() + 60
    while sum(each.get("a") == "2" for each in engine.client.trigger_arguments("d").values()) < count / 2:
        assert time.monotonic() < deadline
    engine.kill()
