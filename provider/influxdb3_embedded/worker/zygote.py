"""The zygote: a process that has loaded this package, and forks workers in about a millisecond.

The engine sends a JSON object for each worker, ``{"resident_cache": bool, "overlapping": bool}``, together with two
descriptors: the worker's end of its socket, and the pipe for what plugins print. The zygote sends one line of JSON at
the start of the worker, ``{"started": PID}``, and one at its end, ``{"ended": PID, "status": WAIT_STATUS}``. The zygote
ends a stopped worker; the status is then that of the stop. When the engine closes the socket, or dies, the zygote kills
all its descendants.

The zygote has a guardian, its parent process. A plugin can kill each of the two: the other one then kills all
descendants.
"""

from __future__ import annotations

import builtins
import contextlib
import faulthandler
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

from .lanes import Lanes
from .line_builder import PUBLISHED, LineBuilder
from .offspring import children, end_all
from .pickling import find_cloudpickle
from .process_setup import adopt_orphans, become_worker, close_inherited, give_up_tracing, notice_end_of_parent
from .server_channel import ServerChannel
from .session import Memory, Session, flush_output

_MAX_REQUEST = 4096
_RECEIVED_DESCRIPTORS = 2


class Zygote:
    """Forks workers until the engine closes the socket.

    Args:
        control: The socket to the engine.
        guardian: Process ID of the guardian.
    """

    def __init__(self, control: socket.socket, guardian: int) -> None:
        self._control = control
        self._guardian = guardian
        self._workers: set[int] = set()
        self._stopped: dict[int, int] = {}
        self._wake_up, self._waker = os.pipe()
        for descriptor in (self._wake_up, self._waker):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._waker)

    def serve(self) -> None:
        """Fork and reap workers until the engine closes the socket or the guardian ends. Then end all descendants."""
        try:
            self._report(zygote=os.getpid())
            while os.getppid() == self._guardian:
                readable, _, _ = select.select([self._control.fileno(), self._wake_up], [], [])
                if self._wake_up in readable:
                    os.read(self._wake_up, _MAX_REQUEST)
                    self._reap()
                if self._control.fileno() in readable and not self._fork():
                    break
        except ConnectionError:
            pass  # the engine has died
        self._end_all()

    def _fork(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_REQUEST, _RECEIVED_DESCRIPTORS)
        if not data:
            return False
        request = json.loads(data)
        connection, output = descriptors
        os.set_inheritable(connection, False)  # programs that plugins start must not inherit it
        pid = os.fork()
        if pid == 0:
            self._work(connection, output, **request)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # the child does the same; its group must exist before anything kills it
        os.close(connection)
        os.close(output)
        self._workers.add(pid)
        self._report(started=pid)
        return True

    def _work(self, connection: int, output: int, *, resident_cache: bool, overlapping: bool) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._wake_up)
            os.close(self._waker)
            become_worker(output)
            faulthandler.enable()
            memory, server = Memory(resident_cache=resident_cache), socket.socket(fileno=connection)
            if overlapping:
                Lanes(server, memory).serve()
            else:
                Session(ServerChannel(server), memory).serve()
            status = 0
        except KeyboardInterrupt:
            status = 0  # the engine stopped the trigger when its run had just ended
        except BaseException:  # noqa: BLE001 - printed here, since the process ends
            traceback.print_exc()
        finally:
            # Not sys.exit(): threads and exit handlers of plugins could delay the end.
            flush_output()
            os._exit(status)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                break
            if os.WIFSTOPPED(status) and pid in self._workers:
                self._stopped[pid] = status
                _kill_group(pid)
            elif pid in self._workers:
                self._workers.remove(pid)
                _kill_group(pid)  # processes that its plugin has started
                self._report(ended=pid, status=self._stopped.pop(pid, status))
        # Orphans of a worker become children of this process. The signal of their end calls this method again.
        for pid in set(children()) - self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for pid in self._workers:
            _kill_group(pid)
        while True:
            # A process that has left its worker's group becomes a child of this process when its parents end.
            for pid in children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.005)
            except ChildProcessError:
                return

    def _report(self, **message: Any) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")


def main(descriptor: str, cloudpickle: str, umask: str) -> None:
    """Run the zygote.

    Args:
        descriptor: The control socket, inherited from the engine.
        cloudpickle: The package directory of cloudpickle.
        umask: The umask of plugins.
    """
    control = int(descriptor)
    close_inherited(control)
    give_up_tracing()
    os.umask(int(umask))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True  # after two changes within a second a cached file would be outdated
    find_cloudpickle(cloudpickle)
    builtins.LineBuilder = LineBuilder  # type: ignore[attr-defined]
    for published in PUBLISHED:
        published.__module__ = "__main__"
        setattr(sys.modules["__main__"], published.__name__, published)
    gc.collect()
    gc.freeze()  # a collection in a worker does not copy shared memory: 6.1 MB a worker instead of 8.2 MB (PSS)
    guardian = _guard()
    Zygote(socket.socket(fileno=control), guardian).serve()


def _guard() -> int:
    """Fork. In the child return the parent; the parent waits for the end of the child, and kills its descendants."""
    guardian = os.getpid()
    adopt_orphans()
    pid = os.fork()
    if pid:
        close_inherited()
        os.waitpid(pid, 0)
        end_all()
        os._exit(0)
    notice_end_of_parent()
    adopt_orphans()
    return guardian


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
