"""The process that processes which run SQL are forked from: it has loaded the libraries and has no thread.

Started as ``python -m influxdb3_embedded.sql.processes.zygote CONTROL_SOCKET_DESCRIPTOR``. The engine writes lines:
``fork`` with two descriptors (the new process's socket and the pipe for its report), ``end PID 0`` and
``nice PID PRIORITY``.
The last line of a process's report is its wait status. When the engine hangs up or dies, all processes end.
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
    """Forks processes until the engine hangs up.

    Args:
        control: The socket to the engine.
        scratch: A directory for what queries write to disk; each process has one below.
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
        """Do what the engine asks for; returns when it has hung up."""
        with suppress(ConnectionError):
            while True:
                readable, _, _ = select.select([self._control.fileno(), self._wake_up], [], [])
                if self._wake_up in readable:
                    os.read(self._wake_up, _MOST_BYTES)
                    self._bury()
                if self._control.fileno() in readable and not self._obey():
                    break
        for pid in self._reports:
            os.kill(pid, signal.SIGKILL)
        for pid in self._reports:
            os.waitpid(pid, 0)

    def _obey(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _MOST_BYTES, _DESCRIPTORS)
        self._descriptors += descriptors
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            verb, *numbers = line.split()
            if verb == b"fork":
                self._fork()
                continue
            pid, priority = map(int, numbers)
            if pid not in self._reports:  # it has ended, and its number may be another's
                continue
            if verb == b"end":
                os.kill(pid, signal.SIGKILL)
            else:
                # on Linux a priority is a thread's; the process is a group so that all of its threads have it
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
            os.setpgid(pid, pid)  # the child does the same: whoever comes first
        os.close(connection)
        self._reports[pid] = report

    def _bury(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                report = self._reports.pop(pid)
                with suppress(OSError):  # nobody reads it any more, or it is full
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the engine's terminal is the engine's to handle
    gc.collect()
    gc.freeze()  # what is loaded stays in memory that all processes share
    with tempfile.TemporaryDirectory(prefix="influxdb3-sql-", ignore_cleanup_errors=True) as scratch:
        Zygote(socket.socket(fileno=descriptor), Path(scratch)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
