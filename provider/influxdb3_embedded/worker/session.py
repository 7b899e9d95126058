"""A worker's session with the engine: runs, one after the other, until the engine closes the socket."""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .cache import Cache, HandedOver, ResidentStore
from .failures import describe, traceback_lines
from .local import Influxdb3Local, queued_writes
from .offspring import Offspring
from .plugin import Package, PluginNotLoaded, SingleFile
from .response import IllegalHeader, Response, UnusableResult, to_response
from .shared_cache import Objects, SharedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .frames import Message
    from .server_channel import ServerChannel

_FUNCTIONS = {"wal": "process_writes", "schedule": "process_scheduled_call", "request": "process_request"}


ABORTED = "influxdb3 is shutting down; aborting plugin execution"
"""The real server's text for an interrupted run (contract 10.3)."""


class Memory:
    """State that the runs in a process share.

    Args:
        resident_cache: Whether the trigger's cache is in this process.

    Attributes:
        resident: The trigger's cache; None if it is in the engine.
        objects: Objects of shared values by scope.
        offspring: Processes that the runs have started.
    """

    def __init__(self, *, resident_cache: bool) -> None:
        self.resident = ResidentStore() if resident_cache else None
        self.objects = {"trigger": Objects(), "global": Objects()}
        self.offspring = Offspring()
        self._packages: dict[str, Package] = {}
        self._importing = threading.RLock()

    def load(self, package: str, function: str) -> Callable[..., Any]:
        """Import a package if needed and return its entry point.

        Args:
            package: Absolute path of the directory.
            function: The entry point's name.

        Raises:
            PluginNotLoaded: The import failed, or the package has no entry point.
        """
        with self._importing:
            if package not in self._packages:
                self._packages[package] = Package(package)
            return self._packages[package].load(function)

    def has_state(self) -> bool:
        """Whether this process has state that no other process has."""
        return (
            bool(self.resident)
            or bool(self._packages)
            or any(objects.hold_any() for objects in self.objects.values())
            or threading.active_count() > 1
        )


class Session:
    """Answers the frames of the engine.

    The engine sends these frames:

    - ``rows``: rows for the next run; without an answer.
    - ``run``: answered by ``result``. During a run the worker sends ``log``, which has no answer, and ``query``,
      ``write`` and ``cache_*``, which the engine answers. After a run that succeeded it sends the queued writes as
      ``writes``.
    - ``take_over``: cache entries of an earlier process; answered by ``taken_over``.
    - ``hand_over``: answered by ``handed_over``, with cache entries.

    Args:
        channel: The connection to the engine.
        memory: State that the sessions of this process share.
    """

    def __init__(self, channel: ServerChannel, memory: Memory) -> None:
        self._channel = channel
        self._memory = memory
        self._resident = memory.resident
        self._shared = [SharedStore(channel, scope, objects) for scope, objects in memory.objects.items()]
        own, everybodys = self._shared
        self._cache = Cache(own if self._resident is None else self._resident, everybodys)
        self._single_file = SingleFile()
        self._rows: dict[str, list[Any]] = {}

    def serve(self) -> None:
        """Answer frames until the engine closes the socket, or if a plugin has forked this process, return at once."""
        while not self._channel.is_foreign:
            try:
                message, attachment = self._channel.receive()
            except EOFError:
                return
            if message["op"] == "rows":
                self._rows.setdefault(message["table_name"], []).extend(message["rows"])
            elif message["op"] == "run":
                self._run(message, attachment)
            elif message["op"] == "take_over" and self._resident is not None:
                self._resident.take_over(_unpack_entries(attachment))
                self._channel.send({"op": "taken_over"})
            elif message["op"] == "hand_over" and self._resident is not None:
                self._channel.send({"op": "handed_over"}, _pack_entries(list(self._resident.hand_over())))

    def _run(self, message: Message, attachment: bytes) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, _interrupt)
        local = Influxdb3Local(self._channel, self._cache, self._resident)
        body = b""
        start = perf_counter_ns()
        self._memory.offspring.begin_run()
        self._channel.begin_run()
        try:
            outcome: Message = self._execute(local, message, attachment)
            body = outcome.pop("body", b"")
            writes = queued_writes(local)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt also fail the run
            outcome, writes = _failure(error), iter(())
        if not self._channel.is_foreign:
            for store in self._shared:
                store.send_changes()
        self._channel.end_run()
        if self._channel.is_foreign:
            return  # the plugin has forked this process, which has returned from the plugin's function
        outcome["op"] = "result"
        outcome["elapsed_ns"] = perf_counter_ns() - start
        self._memory.offspring.end_run()
        flush_output()
        outcome["has_state"] = self._memory.has_state()
        for group in writes:
            lengths = [len(text) for text in group.texts]
            self._channel.send(
                {"op": "writes", "database": group.database, "lengths": lengths}, b"\n".join(group.texts)
            )
        self._channel.send(outcome, body)

    def _execute(self, local: Influxdb3Local, message: Message, attachment: bytes) -> dict[str, Any]:
        function = self._entry_point(message)
        arguments = message["arguments"]
        if message["kind"] == "wal":
            tables, self._rows = self._rows, {}
            function(local, [{"table_name": name, "rows": rows} for name, rows in tables.items()], arguments)
            return {}
        if message["kind"] == "schedule":
            # The nominal time without a time zone, in UTC, the local time of this process (contract 4.4).
            function(local, datetime.fromtimestamp(message["time"]), arguments)  # noqa: DTZ006
            return {}
        result = function(local, message["query"], message["headers"], attachment, arguments)
        try:
            response: Response = to_response(result)
        except Exception as error:
            raise _ResultFailed from error
        return {"status": response.status, "headers": response.headers, "body": response.body}

    def _entry_point(self, message: Message) -> Callable[..., Any]:
        function = _FUNCTIONS[message["kind"]]
        if message["package"] is not None:
            return self._memory.load(message["package"], function)
        self._single_file.update(message["name"], message["text"])
        return self._single_file.load(function)


class _ResultFailed(Exception):
    """The function's return value is no response; the cause says why."""


def _failure(error: BaseException) -> Message:
    if isinstance(error, PluginNotLoaded):
        cause = error.__cause__
        return {"error": str(error), "stage": "load", "traceback": [] if cause is None else traceback_lines(cause)}
    if isinstance(error, _ResultFailed):
        cause = error.__cause__
        if isinstance(cause, (UnusableResult, IllegalHeader)):
            stage = "header" if isinstance(cause, IllegalHeader) else "result"
            return {"error": str(cause), "stage": stage, "traceback": []}
        assert cause is not None
        return {"error": describe(cause), "stage": "result", "traceback": traceback_lines(cause)}
    return {"error": describe(error), "stage": "call", "traceback": traceback_lines(error)}


def _pack_entries(entries: list[HandedOver]) -> bytes:
    """Return entries as one text of bytes, which the engine only passes on; empty without entries."""
    if not entries:
        return b""
    index = json.dumps([(key, ttl, len(value)) for key, ttl, value in entries]).encode()
    return b"".join((index, b"\n", *(entry.value for entry in entries)))


def _unpack_entries(packed: bytes) -> list[HandedOver]:
    index, _, data = packed.partition(b"\n")
    values, position = [], 0
    for key, ttl, length in json.loads(index):
        values.append(HandedOver(key, ttl, data[position : position + length]))
        position += length
    return values


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(ABORTED)


def flush_output() -> None:
    """Write out what plugins have printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the plugin has closed or replaced the stream
