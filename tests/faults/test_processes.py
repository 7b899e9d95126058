"""Processes that are killed, interrupted or stopped while a plugin runs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenes import RECORD, create, is_running, logged, open_gate, running_pid, seen, shut_gate, wait_until, write

from influxdb3_embedded.testing import EngineDidNotStart, RunningEngine, start_engine
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVE = """\
import subprocess
def process_writes(influxdb3_local, table_batches, args=None):
    shell = "sleep 600 >/dev/null 2>&1 & echo $!"
    left = subprocess.run(["setsid", "sh", "-c", shell], capture_output=True, text=True).stdout
    influxdb3_local.info(f"pid {left}")
    while True: pass
"""
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
LOOK = """\
import json, os, subprocess
def attempt(look):
    try: return look()
    except OSError as error: return type(error).__name__
def process_request(influxdb3_local, query, headers, body, args=None):
    parent = lambda pid: int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
    zygote = os.getppid()
    guardian = parent(zygote)
    engine = parent(guardian)
    listing = "for fd in /proc/self/fd/*; do readlink $fd; done"
    return {
        "environment": dict(os.environ),
        "environ": attempt(lambda: open(f"/proc/{engine}/environ").read()),
        "zygote's environ": attempt(lambda: open(f"/proc/{zygote}/environ").read()),
        "mem": attempt(lambda: open(f"/proc/{engine}/mem", "rb") and "open"),
        "descriptor": attempt(lambda: os.readlink(f"/proc/{engine}/fd/1")),
        "own": [attempt(lambda: os.readlink(f"/proc/self/fd/{fd}")) for fd in os.listdir("/proc/self/fd")],
        "zygote's": [os.readlink(f"/proc/{zygote}/fd/{fd}") for fd in os.listdir(f"/proc/{zygote}/fd")],
        "child's": subprocess.run(listing, shell=True, close_fds=False, capture_output=True, text=True).stdout.split(),
    }
"""
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "secret-1",
    "INFLUXDB3_AUTH_TOKEN": "secret-2",
    "HTTPS_PROXY": "http://me:secret-3@127.0.0.1:9",
    "PIP_INDEX_URL": "http://me:secret-4@127.0.0.1:9/simple",
}
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
        for name, source in {"record": RECORD, "request": REQUEST, "loop": LOOP, "fail": FAIL, "leave": LEAVE}.items():
            running.client.create_plugin_file(f"{name}.py", source)
        yield running


@pytest.mark.parametrize("run_async", [False, True])
def test_a_plugin_sees_nothing_of_the_engines_environment_memory_and_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_async: bool
) -> None:
    read, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    monkeypatch.setattr(subprocess, "Popen", partial(subprocess.Popen, pass_fds=(write_end,)))
    environment = SECRETS | {"MINE": "mine", "YOURS": "yours"}
    with start_engine(tmp_path, environment=environment, plugin_env=["MINE", "YOURS", "ABSENT"]) as engine:
        assert str(Path(f"/proc/{engine.pid}/fd/{write_end}").readlink()).startswith("pipe:")
        engine.client.create_database("d")
        engine.client.create_plugin_file("look.py", LOOK)
        create(engine.client, "look", "look.py", "request:look", run_async=run_async)
        seen = engine.client.call_request_trigger("look").json()
        assert "secret" not in str(seen)
        assert {name: seen["environment"].get(name) for name in ("MINE", "YOURS", "ABSENT")} == {
            "MINE": "mine",
            "YOURS": "yours",
            "ABSENT": None,
        }
        assert [seen[what] for what in ("environ", "mem", "descriptor")] == ["PermissionError"] * 3
        inherited = str(Path(f"/proc/self/fd/{write_end}").readlink())
        for whose in ("own", "zygote's", "child's"):
            assert inherited not in seen[whose]
            assert not [target for target in seen[whose] if "catalog" in target or "engine.log" in target]
        assert not [target for target in seen["child's"] if target.startswith("socket:")]
    os.close(read)
    os.close(write_end)


def test_the_engine_forgets_the_token_of_its_environment(tmp_path: Path) -> None:
    with start_engine(tmp_path, environment=SECRETS, object_store="memory") as engine:
        environ = Path(f"/proc/{engine.pid}/environ").read_text()
    assert "secret-1" not in environ
    assert "secret-2" not in environ


@pytest.mark.parametrize("name", ["", "A=b"])
def test_an_invalid_variable_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineDidNotStart, match="--plugin-env"), start_engine(tmp_path, plugin_env=[name]):
        pass


def test_processes_that_a_plugin_left_end_with_the_engine(engine: RunningEngine) -> None:
    create(engine.client, "w", "leave.py", "table:m")
    write(engine.client, 1)
    pid = running_pid(engine.client, "w")
    engine.kill()
    wait_until(lambda: not is_running(pid))


def test_a_stopped_worker_is_replaced_without_a_time_limit(engine: RunningEngine) -> None:
    shut_gate(engine)
    create(engine.client, "w", "record.py", "table:m", error_behavior=ErrorBehavior.RETRY)
    write(engine.client, 1)
    pid = running_pid(engine.client, "w")
    os.kill(pid, signal.SIGSTOP)
    open_gate(engine)
    wait_until(lambda: seen(engine.client) == [1])
    assert f"w: plugin process {pid} was stopped by signal SIGSTOP" in engine.logs


def test_killing_a_worker_fails_its_run_and_retry_repeats_it(engine: RunningEngine) -> None:
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
