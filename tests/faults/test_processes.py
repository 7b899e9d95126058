"""Processes that are killed, interrupted or stopped while a plugin runs."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from scenes import RECORD, create, is_running, logged, open_gate, running_pid, seen, shut_gate, wait_until, write

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = """\
import os, time
def process_request(influxdb3_local, query, headers, body, args=None):
    return {"pid": os.getpid(), "parent": os.getppid()}
"""
LOOP = """\
import os
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(f"pid {os.getpid()}")
    while True: pass
"""
FAIL = """\
import time
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(f"attempt at {time.monotonic()}")
    raise ValueError("as told")
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with start_engine(tmp_path) as running:
        running.client.create_database("d")
        for name, source in {"record": RECORD, "request": REQUEST, "loop": LOOP, "fail": FAIL}.items():
            running.client.create_plugin_file(f"{name}.py", source)
        yield running


def test_a_worker_killed_in_a_run_costs_that_run_and_retry_repeats_it(engine: RunningEngine) -> None:
    shut_gate(engine)
    create(engine.client, "w", "record.py", "table:m")
    create(engine.client, "again", "record.py", "table:m", error_behavior=ErrorBehavior.RETRY)
    write(engine.client, 1)
    for trigger in ("w", "again"):
        os.kill(running_pid(engine.client, trigger), signal.SIGKILL)
    error = "error executing wal plugin: plugin process was killed by signal SIGKILL"
    wait_until(lambda: logged(engine.client, "w", containing=error))
    open_gate(engine)
    write(engine.client, 2)
    wait_until(lambda: seen(engine.client, "again") == [1, 2])
    assert seen(engine.client) == [2]


def test_a_killed_zygote_is_replaced(engine: RunningEngine) -> None:
    create(engine.client, "r", "request.py", "request:r")
    first = engine.client.call_request_trigger("r").json()
    os.kill(first["parent"], signal.SIGKILL)
    wait_until(lambda: not is_running(first["pid"]))
    second = engine.client.call_request_trigger("r").json()
    assert second["parent"] != first["parent"]


def test_stopping_the_engine_ends_a_looping_plugin(engine: RunningEngine) -> None:
    create(engine.client, "w", "loop.py", "table:m")
    write(engine.client, 1)
    pid = running_pid(engine.client, "w")
    began = time.monotonic()
    assert engine.stop() == 0
    assert time.monotonic() - began < 5
    assert not is_running(pid)


@pytest.mark.parametrize("how", ["disable", "delete"])
def test_a_looping_plugin_is_interrupted_within_a_second(engine: RunningEngine, how: str) -> None:
    create(engine.client, "w", "loop.py", "table:m")
    write(engine.client, 1)
    pid = running_pid(engine.client, "w")
    began = time.monotonic()
    if how == "disable":
        engine.client.disable_trigger("d", "w")
    else:
        engine.client.delete_trigger("d", "w", force=True)
    assert time.monotonic() - began < 1
    assert not is_running(pid)


def test_retries_wait_twice_as_long_each_time(engine: RunningEngine) -> None:
    create(engine.client, "w", "fail.py", "table:m", error_behavior=ErrorBehavior.RETRY)
    write(engine.client, 1)
    wait_until(lambda: len(logged(engine.client, "w", containing="attempt at")) >= 4)
    attempts = [float(text.split()[-1]) for text in logged(engine.client, "w", containing="attempt at")]
    for pause, least in zip([after - before for before, after in pairwise(attempts)], (1, 2, 4), strict=False):
        assert least <= pause < 2 * least


def test_a_trigger_disabled_by_its_error_stays_disabled_after_a_kill(engine: RunningEngine) -> None:
    create(engine.client, "w", "fail.py", "table:m", error_behavior=ErrorBehavior.DISABLE)
    write(engine.client, 1)
    wait_until(lambda: [row.disabled for row in engine.client.triggers("d")] == [True])
    engine.kill()
    with start_engine(engine.directory) as again:
        assert [row.disabled for row in again.client.triggers("d")] == [True]
        write(again.client, 2)
        assert logged(again.client, "w") == []
