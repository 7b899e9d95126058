"""One run of a plugin: input, log rows and result (contract 3.2, 4.3 and 4.6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from influxdb3_embedded.runner.logbook import LogLevel
from influxdb3_embedded.runner.outcomes import PluginResponse
from influxdb3_embedded.runner.processes.worker import WorkerDied
from influxdb3_embedded.runner.safe_texts import printable
from influxdb3_embedded.runner.triggers.queued_writes import joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from influxdb3_embedded.model import TableBatch
    from influxdb3_embedded.runner.plugins.sources import PluginCode
    from influxdb3_embedded.runner.processes.worker import Worker
    from influxdb3_embedded.runner.triggers.effects import Effects

_UNITS = (
    ("day", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
)


class Call(NamedTuple):
    """The input of a run.

    Attributes:
        kind: ``wal``, ``schedule`` or ``request``.
        announcement: Text of the log row at the start.
        inputs: Further members of the worker's ``run`` frame.
        body: The body of a request.
        batches: The rows of a flush.
    """

    kind: str
    announcement: str
    inputs: dict[str, Any]
    body: bytes = b""
    batches: Sequence[TableBatch] = ()


class RunFailed(Exception):
    """A run failed.

    Args:
        text: ``TYPE: MESSAGE`` of the plugin's exception, or a text of the engine.
        stage: What failed: ``load``, ``call``, ``result``, ``header`` or ``process``.
        traceback: Lines of the traceback.
    """

    def __init__(self, text: str, stage: str, traceback: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.stage = stage
        self.traceback = traceback


def wal_call(batches: Sequence[TableBatch]) -> Call:
    """Return a call with the rows of a flush (contract 4.4)."""
    return Call("wal", "starting execution of wal plugin.", {}, batches=batches)


def schedule_call(moment: datetime) -> Call:
    """Return a call at a nominal time with a time zone (contract 4.4)."""
    return Call(
        "schedule",
        f"starting execution with scheduled time {moment:%Y-%m-%d %H:%M:%S} UTC",
        {"time": int(moment.timestamp())},
    )


def request_call(query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Call:
    """Return a call with an HTTP request (contract 4.4)."""
    return Call(
        "request", "starting execution of request plugin.", {"query": dict(query), "headers": dict(headers)}, body
    )


async def execute(
    worker: Worker,
    code: PluginCode,
    call: Call,
    *,
    arguments: Mapping[str, str] | None,
    effects: Effects,
    time_limit: float | None,
) -> PluginResponse | None:
    """Run a plugin once, and write its queued lines if the run succeeds.

    Args:
        worker: Where the plugin runs.
        code: The plugin's code.
        call: The input.
        arguments: The trigger's arguments.
        effects: What the run does outside its process.
        time_limit: Seconds that the run may take; None for no limit.

    Returns:
        The response of a request plugin; None for other kinds.

    Raises:
        RunFailed: The run failed; queued lines were not written.
    """
    effects.log(LogLevel.INFO, call.announcement)
    message = {
        "op": "run",
        "kind": call.kind,
        "name": code.name,
        "package": code.package,
        "text": None if worker.known_version == code.version else code.text,
        "arguments": None if arguments is None else dict(arguments),
        **call.inputs,
    }
    try:
        result, body, writes = await worker.run(message, call.body, call.batches, effects, time_limit)
    except WorkerDied as error:
        raise RunFailed(str(error), "process") from error
    except ValueError as error:  # the input is too large for a frame
        raise RunFailed(str(error), "process") from error
    worker.known_version = code.version
    worker.has_state = result["has_state"]
    if "error" in result:
        raise RunFailed(printable(result["error"]), result["stage"], result["traceback"])
    failures = await effects.flush(writes)
    # after the writes: readers that wait for this row find the run's lines in the database
    effects.log(LogLevel.INFO, f"finished execution in {format_elapsed(result['elapsed_ns'])}")
    for failure in failures:
        effects.log(LogLevel.ERROR, failure)
        await asyncio.sleep(0)  # there may be many
    if call.kind != "request":
        return None
    return PluginResponse(result["status"], [(name, value) for name, value in result["headers"]], await joined(body))


def format_elapsed(nanoseconds: int) -> str:
    """Return a duration in the format of the real server's log rows.

    >>> format_elapsed(2_503_941_160)
    '2s 503ms 941us 160ns'
    """
    parts = []
    for unit, size in _UNITS:
        count, nanoseconds = divmod(nanoseconds, size)
        if count:
            plural = "s" if unit == "day" and count > 1 else ""
            parts.append(f"{count}{unit}{plural}")
    return " ".join(parts) or "0s"
