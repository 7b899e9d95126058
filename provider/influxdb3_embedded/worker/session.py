"""A worker's conversation with the server: runs, one after the other, until the server hangs up."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .cache import Cache, HandedOver, ResidentStore, SharedStore
from .failures import describe, traceback_lines
from .local import Influxdb3Local, queued_writes
from .plugin import Package, PluginNotLoaded, SingleFile
from .response import IllegalHeader, Response, UnusableResult, to_response

if TYPE_CHECKING:
    from types import FrameType

    from .channel import Channel
    from .frames import Message

_FUNCTIONS = {"wal": "process_writes", "schedule": "process_scheduled_call", "request": "process_request"}


class Session:
    """Executes what the server asks for.

    Frames from the server are ``run``, answered by ``result``; ``take_over`` with cache entries of an earlier process;
    and ``hand_over``, answered by ``handed_over``. During a run this side sends ``log``, and asks ``query``, ``write``
    and ``cache_*``.

    Args:
        channel: The way to the server.
        resident_cache: Whether the trigger's cache lies in this process.
    """

    def __init__(self, channel: Channel, *, resident_cache: bool) -> None:
        self._channel = channel
        self._resident = ResidentStore() if resident_cache else None
        own = SharedStore(channel, "trigger") if self._resident is None else self._resident
        self._cache = Cache(own, SharedStore(channel, "global"))
        self._single_file = SingleFile()
        self._packages: dict[str, Package] = {}

    def serve(self) -> None:
        """Answer frames until the server hangs up, or this turns out to be a process that a plugin forked."""
        while not self._channel.is_foreign:
            try:
                message, attachment = self._channel.receive()
            except EOFError:
                return
            if message["op"] == "run":
                self._run(message, attachment)
            elif message["op"] == "take_over" and self._resident is not None:
                self._resident.take_over(_entries(message["entries"], attachment))
            elif message["op"] == "hand_over" and self._resident is not None:
                entries = list(self._resident.hand_over())
                self._channel.send(
                    {"op": "handed_over", "entries": [[key, ttl, len(value)] for key, ttl, value in entries]},
                    b"".join(entry.value for entry in entries),
                )

    def _run(self, message: Message, attachment: bytes) -> None:
        signal.signal(signal.SIGINT, _interrupt)
        local = Influxdb3Local(self._channel, self._cache, self._resident)
        body = b""
        start = perf_counter_ns()
        self._channel.begin_run()
        try:
            outcome: Message = self._execute(local, message, attachment)
            body = outcome.pop("body", b"")
            outcome["writes"] = queued_writes(local)
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt fail the run as well
            outcome = _failure(error)
        self._channel.end_run()
        if self._channel.is_foreign:
            return  # a process that the plugin forked has come back from the plugin's function too
        flush_output()
        outcome["op"] = "result"
        outcome["elapsed_ns"] = perf_counter_ns() - start
        outcome["has_state"] = self._has_state()
        self._channel.send(outcome, body)

    def _execute(self, local: Influxdb3Local, message: Message, attachment: bytes) -> dict[str, Any]:
        function = self._plugin(message).load(_FUNCTIONS[message["kind"]])
        arguments = message["arguments"]
        if message["kind"] == "wal":
            function(local, message["batches"], arguments)
            return {}
        if message["kind"] == "schedule":
            # The nominal time in the time zone of the process, without saying so (contract 4.4).
            function(local, datetime.fromtimestamp(message["time"]), arguments)  # noqa: DTZ006
            return {}
        result = function(local, message["query"], message["headers"], attachment, arguments)
        try:
            response: Response = to_response(result)
        except Exception as error:
            raise _ResultFailed from error
        return {"status": response.status, "headers": response.headers, "body": response.body}

    def _plugin(self, message: Message) -> SingleFile | Package:
        path = message["package"]
        if path is None:
            self._single_file.update(message["name"], message["version"], message["text"])
            return self._single_file
        if path not in self._packages:
            self._packages[path] = Package(path)
        return self._packages[path]

    def _has_state(self) -> bool:
        """Say whether something would be lost with this process."""
        return bool(self._resident) or bool(self._packages) or threading.active_count() > 1


class _ResultFailed(Exception):
    """The function returned something unusable; the cause says what."""


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


def _entries(entries: list[tuple[str, float | None, int]], data: bytes) -> list[HandedOver]:
    values, position = [], 0
    for key, ttl, length in entries:
        values.append(HandedOver(key, ttl, data[position : position + length]))
        position += length
    return values


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("influxdb3 is shutting down; aborting plugin execution")


def flush_output() -> None:
    """Write out what plugins have printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed or replaced by the plugin
