"""Two deployments at the same time, and the number of requests of each operation."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy
from servers import PROGRAM
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


def many(
    db: str, prefix: str, count: int, arguments: int = 1, *, specification: str = "ALL_TABLES", more: str = ""
) -> str:
    return f"""
        for number in range({count}):
            Trigger(f"{prefix}{{number}}", db="{db}", plugin_filename="w.py", trigger_specification={specification},
                    trigger_arguments={{"a": {arguments}}}, {more})
    """


@pytest.fixture
def db(engine: RunningEngine, db: str) -> str:
    engine.client.create_plugin_file("w.py", WRITES)
    return db


def test_two_stacks_deploy_a_hundred_triggers_to_one_engine_at_once(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine, db: str
) -> None:
    stacks = [
        Stack(tmp_path / name, cli, os.environ, config={"influxdb3:hostUrl": engine.url}) for name in ("one", "two")
    ]
    for stack, prefix in zip(stacks, ("one", "two"), strict=True):
        stack.program(many(db, prefix, 50))
    _at_once(stacks, lambda stack: stack.up())
    assert len(engine.client.triggers(db)) == 100
    for stack, prefix in zip(stacks, ("one", "two"), strict=True):
        stack.program(many(db, prefix, 50, arguments=2))
    _at_once(stacks, lambda stack: stack.up())
    arguments = engine.client.trigger_arguments(db)
    assert len(arguments) == 100
    assert all(each == {"a": "2"} for each in arguments.values())
    _at_once(stacks, lambda stack: stack.destroy())
    assert engine.client.triggers(db) == []


def _at_once(stacks: list[Stack], operation: Callable[[Stack], object]) -> None:
    failures = []

    def run(stack: Stack) -> None:
        try:
            operation(stack)
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(stack,)) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_each_operation_sends_the_requests_that_the_readme_lists(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine, db: str
) -> None:
    proxy = BreakingProxy(engine.url, silence=0)
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": proxy.url})

    def requests(operation: Callable[[], object]) -> Counter[str]:
        proxy.requests.clear()
        operation()
        return Counter(
            request.split("?")[0].replace("/api/v3/configure/processing_engine_trigger", "trigger")
            for request in proxy.requests
        )

    looks = 0 if PROGRAM is None else 10  # the log of a real server, before each trigger is disabled or deleted
    stack.program(many(db, "t", 10))
    assert requests(stack.preview) == {}
    assert requests(stack.up) == {"POST trigger": 10}
    assert requests(stack.up) == {}
    assert requests(stack.refresh) == {"POST /api/v3/query_sql": 2}
    # once the server's identity; for each trigger the log of its runs and the steps of the swap
    stack.program(many(db, "t", 10, arguments=2))
    assert requests(stack.up) == {
        "GET /ping": 1, "POST /api/v3/query_sql": 10 + looks,
        "POST trigger": 20, "DELETE trigger": 20, "POST trigger/disable": 20,
    }  # fmt: skip
    stack.program(many(db, "t", 10, arguments=2, more="restart_on=[1]"))
    assert requests(stack.up)["POST trigger/disable"] == 20
    # once a database: candidates that earlier deployments left
    stack.program(many(db, "t", 10, arguments=2, more="restart_on=[1], disabled=True"))
    assert requests(stack.up) == {"GET /ping": 1, "POST /api/v3/query_sql": 1 + looks, "POST trigger/disable": 10}
    assert requests(stack.destroy) == {
        "GET /ping": 1, "POST /api/v3/query_sql": 1, "POST trigger/disable": 10, "DELETE trigger": 10,
    }  # fmt: skip

    stack.program(many(db, "r", 10, specification="request(f'r{number}')"))
    stack.up()
    stack.program(many(db, "r", 10, specification="request(f'r{number}')", arguments=2))
    assert requests(stack.up) == {"GET /ping": 1, "POST trigger": 20, "DELETE trigger": 20}
    stack.destroy()
    proxy.close()
