"""Plugins, triggers and helpers that the tests of this folder share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from influxdb3_engine_api import BadRequest, CreateTrigger, EngineClient, TriggerSettings
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_embedded.testing import RunningEngine

PATIENCE = 30.0
GATE = "gate"

RECORD = """\
import os, time, uuid
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(f"pid {os.getpid()}")
    while os.path.exists(os.environ["PLUGIN_DIR"] + "/gate"):
        time.sleep(0.01)
    for batch in table_batches:
        for row in batch["rows"]:
            line = LineBuilder("seen").tag("run", uuid.uuid4().hex).tag("trigger", args["trigger"])
            influxdb3_local.write(line.int64_field("n", row["n"]))
    if args.get("fail"):
        raise ValueError("as told")
"""
"""Waits while the gate is shut, then writes the rows that it got; a failed run writes nothing."""


def create(
    client: EngineClient,
    name: str,
    plugin: str,
    specification: str,
    *,
    error_behavior: ErrorBehavior = ErrorBehavior.LOG,
    run_async: bool = False,
    **arguments: str,
) -> None:
    client.create_trigger(
        CreateTrigger(
            db="d",
            plugin_filename=plugin,
            trigger_name=name,
            trigger_settings=TriggerSettings(run_async=run_async, error_behavior=error_behavior),
            trigger_specification=specification,
            trigger_arguments={"trigger": name, **arguments},
            disabled=False,
        )
    )


def shut_gate(engine: RunningEngine) -> None:
    (engine.plugin_dir / GATE).touch()


def open_gate(engine: RunningEngine) -> None:
    (engine.plugin_dir / GATE).unlink()


def write(client: EngineClient, *numbers: int) -> None:
    for n in numbers:
        client.write_lp("d", f"m n={n}i")


def seen(client: EngineClient, trigger: str = "w") -> list[int]:
    try:
        rows = client.query_sql("d", "SELECT n FROM seen WHERE trigger = $trigger", {"trigger": trigger})
    except BadRequest as error:
        if "not found" not in str(error):
            raise
        return []  # no table yet: nothing was seen
    return sorted(row["n"] for row in rows)


def logged(client: EngineClient, trigger: str, *, containing: str = "") -> list[str]:
    """Log texts of a trigger, oldest first."""
    rows = client.trigger_logs("d", trigger, limit=1000)
    return [row.log_text for row in rows if containing in row.log_text]


def running_pid(client: EngineClient, trigger: str) -> int:
    """The process of the newest run of a trigger; waits until the run has begun."""
    wait_until(lambda: logged(client, trigger, containing="pid "))
    return int(logged(client, trigger, containing="pid ")[-1].split()[1])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)
