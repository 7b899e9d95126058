"""The zygote: a process that has loaded the interpreter and forks workers from it in about a millisecond.

The server writes one line of JSON for each worker, ``{"resident_cache": bool, "overlapping": bool}``, together with two
descriptors: the worker's end of its socket and the pipe for what plugins print. It gets a line back,
``{"started": PID}``, and when the worker has ended ``{"ended": PID, "status": WAIT_STATUS}``; a worker that was stopped
is ended, and its status is that of the stop. When the server closes the socket, or dies, everything that came from this
process is killed.
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
from .offspring import children
from .pickling import find_cloudpickle
from .process_setup import adopt_orphans, become_worker, close_inherited, give_up_tracing
from .server_channel import ServerChannel
from .session import Memory, Session, flush_output

_MAX_REQUEST = 4096
_RECEIVED_DESCRIPTORS = 2


class Zygote:
    """Forks workers until the server hangs up.

    Args:
        control: The socket to the server.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._workers: set[int] = set()
        self._stopped: dict[int, int] = {}
        self._wake_up, self._waker = os.pipe()
        for descriptor in (self._wake_up, self._waker):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._waker)

    def serve(self) -> None:
        """Fork and bury workers; returns when the server has hung up and nothing is left."""
        try:
            while True:
                readable, _, _ = select.select([self._control.fileno(), self._wake_up], [], [])
                if self._wake_up in readable:
                    os.read(self._wake_up, _MAX_REQUEST)
                    self._bury()
                if self._control.fileno() in readable and not self._fork():
                    break
        except ConnectionError:
            pass  # the server has died
        self._end_all()

    def _fork(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_REQUEST, _RECEIVED_DESCRIPTORS)
        if not data:
            return False
        request = json.loads(data)
        connection, output = descriptors
        os.set_inheritable(connection, False)  # as received, it would go on to the programs that plugins start
        pid = os.fork()
        if pid == 0:
            self._work(connection, output, **request)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # the child does the same: whoever comes first, it can be killed with its group now
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
            status = 0  # the server stopped the trigger at the moment its run ended
        except BaseException:  # noqa: BLE001 - the last chance to say why this process ends
            traceback.print_exc()
        finally:
            # Not sys.exit(): threads and exit handlers of plugins must not hold up the end.
            flush_output()
            os._exit(status)

    def _bury(self) -> None:
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
                _kill_group(pid)  # what its plugin forked
                self._report(ended=pid, status=self._stopped.pop(pid, status))
        # What a worker leaves behind becomes a child of this process; whose end, in turn, comes back to here.
        for pid in set(children()) - self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for pid in self._workers:
            _kill_group(pid)
        while True:
            # What left its worker's group ends up as a child of this process once its parents are dead.
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
        descriptor: The control socket, inherited from the server.
        cloudpickle: The directory of that package.
        umask: What plugins take from the modes of new files.
    """
    control = int(descriptor)
    close_inherited(control)
    give_up_tracing()
    os.umask(int(umask))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True  # a package changed twice within a second would be imported from a stale cache
    find_cloudpickle(cloudpickle)
    adopt_orphans()
    builtins.LineBuilder = LineBuilder  # type: ignore[attr-defined]
    for published in PUBLISHED:
        published.__module__ = "__main__"
        setattr(sys.modules["__main__"], published.__name__, published)
    gc.collect()
    gc.freeze()  # what is loaded stays in memory that all workers share
    Zygote(socket.socket(fileno=control)).serve()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
