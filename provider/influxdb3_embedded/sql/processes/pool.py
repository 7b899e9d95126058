"""Starts the processes that run SQL, keeps idle ones for the next queries, and ends them."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer

from influxdb3_embedded.sql.processes.channel import Channel
from influxdb3_embedded.sql.processes.running_process import SqlProcess

_MOST_IDLE, _KEPT, _SECONDS_IDLE = 16, 4, 5.0
"""At most 16 processes are idle. After 5 seconds at most 4 of them stay."""

_ATTEMPTS = 3
_SECONDS_TO_START = 30.0
_SECONDS_TO_END = 5.0
_SECONDS_TO_DIE = 1.0

_PATH = (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH"))
_ENVIRONMENT = {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a process that forks must have only one thread
    # without a reserve: mimalloc would go on to use a reserve that the memory limit has refused
    "MIMALLOC_ARENA_RESERVE": "0",
    "RUST_BACKTRACE": "0",
    "TOKIO_WORKER_THREADS": "2",  # a query has one partition
}


class ProcessUnavailable(Exception):
    """No process can be started. The text says why."""


class ZygoteClient:
    """Controls the zygote, the process that the query processes are forked from.

    The first `fork` starts the zygote. If it has ended, the next `fork` starts another one. All engines of one process
    share one zygote, which ends with that process.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self) -> SqlProcess:
        """Start a query process.

        Raises:
            ProcessUnavailable: The process cannot be started.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._fork()
            except TimeoutError:
                self.close()
            except (EOFError, ConnectionError):
                self._close_if_ended()
            except OSError as error:
                raise ProcessUnavailable(str(error)) from error
        raise ProcessUnavailable("the parent of the query processes ends as soon as it starts")

    def tell(self, verb: str, pid: int, priority: int) -> None:
        """Tell the zygote to ``end`` or ``nice`` a process."""
        with self._lock:
            if self._control is not None:
                with suppress(OSError):  # the zygote has ended, and its processes with it
                    self._control.sendall(f"{verb} {pid} {priority}\n".encode())

    def close(self) -> None:
        """End the zygote and all its processes."""
        with self._lock:
            if self._control is not None and self._process is not None:
                self._control.close()
                try:
                    self._process.wait(_SECONDS_TO_END)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._control = self._process = None

    def _close_if_ended(self) -> None:
        with self._lock:
            if self._process is None or self._control is None:
                return
            with suppress(subprocess.TimeoutExpired):  # the zygote lives, only the new process has ended
                self._process.wait(_SECONDS_TO_DIE)
                self._control.close()
                self._control = self._process = None

    def _fork(self) -> SqlProcess:
        ours, theirs = socket.socketpair()
        report, reporting = os.pipe()
        try:
            with self._lock:
                if self._control is None:
                    self._control, self._process = _start()
                socket.send_fds(self._control, [b"fork\n"], [theirs.fileno(), reporting])
            theirs.close()
            ours.settimeout(_SECONDS_TO_START)
            channel = Channel(ours)
            ready = channel.receive()
            ours.settimeout(None)
            return SqlProcess(self.tell, channel, report, ready.content["pid"])
        except BaseException:
            ours.close()
            os.close(report)
            raise
        finally:
            theirs.close()
            os.close(reporting)


class Processes:
    """The pool of query processes. Thread-safe."""

    def __init__(self) -> None:
        self._idle: list[SqlProcess] = []
        self._lock = Lock()
        self._closed = False
        self._trimming: Timer | None = None

    @property
    def idle(self) -> int:
        """Number of idle processes."""
        return len(self._idle)

    def take(self) -> SqlProcess:
        """Take an idle process, or start one.

        Raises:
            ProcessUnavailable: The process cannot be started.
        """
        while True:
            with self._lock:
                if not self._idle:
                    break
                process = self._idle.pop()
            if process.waits:
                return process
            process.end()
        return self.start()

    def start(self) -> SqlProcess:
        """Start a process, even if one is idle.

        Raises:
            ProcessUnavailable: The process cannot be started.
        """
        return _ZYGOTE_CLIENT.fork()

    def keep_one(self) -> None:
        """Start a process for the next query unless a process is idle.

        Raises:
            ProcessUnavailable: The process cannot be started.
        """
        with self._lock:
            if self._idle or self._closed:
                return
        self.give_back(self.start())

    def give_back(self, process: SqlProcess) -> None:
        """Keep a process for the next query, or end it if enough processes are idle."""
        with self._lock:
            if not self._closed and len(self._idle) < _MOST_IDLE:
                self._idle.append(process)
                if len(self._idle) > _KEPT and self._trimming is None:
                    self._trimming = Timer(_SECONDS_IDLE, self._trim)
                    self._trimming.daemon = True
                    self._trimming.start()
                return
        process.end()

    def close(self) -> None:
        """End the idle processes, and each process that is given back later."""
        with self._lock:
            self._closed = True
            if self._trimming is not None:
                self._trimming.cancel()
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _trim(self) -> None:
        with self._lock:
            self._trimming = None
            idle, self._idle = self._idle[:-_KEPT], self._idle[-_KEPT:]
        for process in idle:
            process.end()


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - runs this interpreter with this package
                [sys.executable, "-P", "-m", "influxdb3_embedded.sql.processes.zygote", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, _PATH))},
                # Another group than the engine's, so that a Ctrl-C in the terminal reaches only the engine. But the
                # same session, because Linux compares priorities within a session.
                process_group=0,
            )
    except BaseException:
        ours.close()
        raise
    return ours, process


_ZYGOTE_CLIENT = ZygoteClient()
atexit.register(_ZYGOTE_CLIENT.close)
