"""The zygote: the process that query processes are forked from. It has loaded the libraries and has no other threads.

The engine starts it as ``python -m influxdb3_embedded.sql.processes.zygote CONTROL_SOCKET_DESCRIPTOR``.
The engine writes these lines to the socket:

- ``fork``, sent with two descriptors: the new process's socket, and the pipe for its report
- ``end PID 0``
- ``nice PID PRIORITY``

When a process ends, the zygote writes the wait status as the last line of the report. When the engine closes the
control socket or dies, all processes end.
"""

from __future__ import annotations

import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from influxdb3_embedded.sql.processes.process import run_queries
from influxdb3_embedded.worker.process_setup import die_with_parent

_MOST_BYTES = 4096
_DESCRIPTORS = 2


class Zygote:
    """Forks processes until the engine closes the control socket.

    Args:
        control: The socket to the engine.
        scratch: The directory for what queries write to disk. Each process has its own directory in it.
    """

    def __init__(self, control: socket.socket, scratch: Path) -> None:
        self._control = control
        self._scratch = scratch
        self._reports: dict[int, int] = {}
        self._received = b""
        self._descriptors: list[int] = []
        self._wake_up, self._waker = os.pipe()
        for descriptor in (self._wake_up, self._waker):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._waker)

    def serve(self) -> None:
        """Follow the engine's lines. Returns when the engine has closed the control socket."""
        with suppress(ConnectionError):
            while True:
                readable, _, _ = select.select([self._control.fileno(), self._wake_up], [], [])
                if self._wake_up in readable:
                    os.read(self._wake_up, _MOST_BYTES)
                    self._collect_ended()
                if self._control.fileno() in readable and not self._follow():
                    break
        for pid in self._reports:
            os.kill(pid, signal.SIGKILL)
        for pid in self._reports:
            os.waitpid(pid, 0)

    def _follow(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _MOST_BYTES, _DESCRIPTORS)
        self._descriptors += descriptors
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            verb, *numbers = line.split()
            if verb == b"fork":
                self._fork()
                continue
            pid, priority = map(int, numbers)
            if pid not in self._reports:  # the process has ended, and another process may have its number
                continue
            if verb == b"end":
                os.kill(pid, signal.SIGKILL)
            else:
                # On Linux each thread has its own priority. The group of the process has all its threads.
                os.setpriority(os.PRIO_PGRP, pid, priority)
        return bool(data)

    def _fork(self) -> None:
        connection, report = self._descriptors[:_DESCRIPTORS]
        del self._descriptors[:_DESCRIPTORS]
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._control.close()
                for descriptor in (self._wake_up, self._waker, *self._reports.values()):
                    os.close(descriptor)
                die_with_parent()
                os.setpgid(0, 0)
                run_queries(socket.socket(fileno=connection), report, self._directory(os.getpid()))
                status = 0
            finally:
                os._exit(status)
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # the child does the same, and either may come first
        os.close(connection)
        self._reports[pid] = report

    def _collect_ended(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                report = self._reports.pop(pid)
                with suppress(OSError):  # the engine no longer reads the report, or the pipe is full
                    os.write(report, b"\n%d" % status)
                os.close(report)
                shutil.rmtree(self._directory(pid), ignore_errors=True)

    def _directory(self, pid: int) -> Path:
        return self._scratch / str(pid)


def main(descriptor: int) -> None:
    """Run the zygote.

    Args:
        descriptor: The control socket, inherited from the engine.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is for the engine
    # A garbage collection in a process copies the objects that it shares with the zygote. After large results a process
    # has 21 MB of its own with this freeze, and 29 MB without it (measured).
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="influxdb3-sql-", ignore_cleanup_errors=True) as scratch:
        Zygote(socket.socket(fileno=descriptor), Path(scratch)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
