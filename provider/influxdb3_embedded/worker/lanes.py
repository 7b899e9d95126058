"""Overlapping runs in one process: each in its own thread, with shared objects as on the real server."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import traceback
from typing import TYPE_CHECKING

from .frames import LANE
from .server_channel import ServerChannel
from .session import ABORTED, Session, flush_output

if TYPE_CHECKING:
    from .session import Memory


class _Aborted(KeyboardInterrupt):
    """Raised in an interrupted run. Python raises a class, not an instance, in another thread."""

    def __init__(self) -> None:
        super().__init__(ABORTED)


class Lanes:
    """Starts and interrupts threads on request of the engine.

    Args:
        control: The socket to the engine; each message is the number of a lane, see `frames.LANE`.
        memory: State that the lanes share.
    """

    def __init__(self, control: socket.socket, memory: Memory) -> None:
        self._control = control
        self._memory = memory
        self._threads: dict[int, threading.Thread] = {}
        os.register_at_fork(after_in_child=lambda: os.close(control.detach()))

    def serve(self) -> None:
        """Handle requests until the engine closes the socket."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self._control, LANE.size, 1)
            if not message:
                return
            (number,) = LANE.unpack(message)
            if descriptors:
                os.set_inheritable(descriptors[0], False)
                self._start(number, socket.socket(fileno=descriptors[0]))
            else:
                self._interrupt(number)

    def _start(self, number: int, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._work, args=(number, connection), name=f"run-{number}", daemon=True)
        self._threads[number] = thread
        thread.start()

    def _work(self, number: int, connection: socket.socket) -> None:
        channel = ServerChannel(connection)
        try:
            Session(channel, self._memory).serve()
        except (KeyboardInterrupt, EOFError, OSError):
            pass  # interrupted when its run had just ended, or the engine has closed the socket
        except BaseException:  # noqa: BLE001 - printed here, since the thread ends
            traceback.print_exc()
        finally:
            if channel.is_foreign:  # a process that the plugin has forked, and that has returned from its function
                flush_output()
                os._exit(0)
            channel.close()
            self._threads.pop(number, None)

    def _interrupt(self, number: int) -> None:
        thread = self._threads.get(number)
        if thread is not None and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Aborted))
