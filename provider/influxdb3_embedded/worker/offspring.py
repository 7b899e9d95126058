"""Ends the processes that a run has started when the run ends. Linux only.

A worker is the parent of the processes of its plugins, also after they leave its process group or lose their own parent
(`process_setup.adopt_orphans`). The kernel lists children by the thread that started them, and orphans by any thread.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_ALL_KINDS = 0x40000000  # __WALL: also children without a signal for their end
_PATIENCE = 5.0
"""Seconds after which processes that keep starting others are given up."""

_TICKS = os.sysconf("SC_CLK_TCK")


class Offspring:
    """The processes that the runs in this process have started."""

    def __init__(self) -> None:
        self._runs: dict[int, int] = {}  # threads with a run, and its start in ticks
        self._lock = threading.Lock()

    def begin_run(self) -> None:
        """Note that a run begins in this thread."""
        if sys.platform == "linux":
            self._runs[threading.get_native_id()] = int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS)

    def end_run(self) -> None:
        """End the processes that this thread's run has started.

        Orphans of overlapping runs cannot be assigned to a run. An orphan ends when it is older than all current runs.
        """
        if self._runs.pop(threading.get_native_id(), None) is None or not _has_children():
            return
        with self._lock:
            runs = dict(self._runs)
            deadline = time.monotonic() + _PATIENCE
            while (left := _left_by_others(runs)) and time.monotonic() < deadline:
                _end(left)
                _forget_helpers(left)
                _reap(left)


def end_all() -> None:
    """End all descendants of this process."""
    deadline = time.monotonic() + _PATIENCE
    while (left := children()) and time.monotonic() < deadline:
        _end(left)
        _reap(left)


def children(thread: int | None = None) -> list[int]:
    """Return the child processes of a thread. Default: of the main thread. Empty without /proc."""
    try:
        text = Path(f"/proc/self/task/{thread or os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def _end(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _ALL_KINDS)
    except ChildProcessError:
        return False
    return True


def _left_by_others(runs: dict[int, int]) -> list[int]:
    """Return children that are not of these runs: children of this thread, and those older than all runs."""
    oldest, own = min(runs.values(), default=None), threading.get_native_id()
    threads = {int(name) for name in os.listdir("/proc/self/task")} - set(runs)  # noqa: PTH208 - numbers, not paths
    return [
        pid for thread in threads for pid in children(thread) if oldest is None or thread == own or _start(pid) < oldest
    ]


def _start(pid: int) -> int:
    """Return when a process was started, in ticks since boot; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except OSError:
        return 0


def _forget_helpers(ended: list[int]) -> None:
    """Make multiprocessing forget helpers that have ended: it would wait for them in the next run."""
    for module, helper, pid in (
        ("resource_tracker", "_resource_tracker", "_pid"),
        ("forkserver", "_forkserver", "_forkserver_pid"),
    ):
        known: Any = getattr(sys.modules.get(f"multiprocessing.{module}"), helper, None)
        if getattr(known, pid, None) in ended:
            with suppress(Exception):
                known._stop()


def _reap(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG | _ALL_KINDS)
    time.sleep(0.0005)
