"""A worker process: plugins run in it one at a time, or overlapping in threads."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.processes.printed_lines import PrintedLines
from influxdb3_embedded.worker.frames import LANE

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.turns import Turns
    from influxdb3_embedded.runner.processes.worker_zygote import WorkerZygoteClient

logger = logging.getLogger(__name__)

GRACE = 0.5
"""Seconds between the interrupt and the kill of a run."""


class WorkerProcess:
    """A worker process. Made by `fork`.

    Args:
        generation: The state of the plugin environment that it sees.
        label: The name in the log: the trigger's.
        pid: The process id.
        ended: Has the wait status when the process has ended.
        connection: The engine's end of the socket: for frames, or with ``overlapping`` for new lanes.
        overlapping: Whether runs overlap, each in a lane: a thread with its own socket.

    Attributes:
        generation: As above.
        label: As above.
        ended: As above.
        connection: As above.
        overlapping: As above.
    """

    def __init__(
        self,
        generation: int,
        label: str,
        pid: int,
        ended: asyncio.Future[int],
        connection: socket.socket,
        *,
        overlapping: bool,
    ) -> None:
        self.generation = generation
        self.label = label
        self.ended = ended
        self.connection = connection
        self.overlapping = overlapping
        self._pid = pid
        self._runs = 0
        self._leaving = False
        self._killed = False
        self._lanes = itertools.count(1)
        ended.add_done_callback(self._report_stop)
        if overlapping:
            connection.setblocking(False)
            ended.add_done_callback(lambda _: connection.close())

    @classmethod
    async def fork(
        cls, zygote: WorkerZygoteClient, label: str, turns: Turns, *, resident_cache: bool, overlapping: bool
    ) -> WorkerProcess:
        """Fork a process from the zygote. Callers shield this from cancellation.

        Args:
            zygote: Forks the process.
            label: The name in the log: the trigger's.
            turns: When the event loop has time for output of plugins.
            resident_cache: Whether the trigger's cached values are in the process.
            overlapping: Whether runs overlap in the process.

        Raises:
            ZygoteGone: The zygote has ended.
        """
        read, write = os.pipe()
        PrintedLines(label, read, turns)
        ours, theirs = socket.socketpair()
        try:
            pid, ended = await zygote.fork(theirs, write, resident_cache=resident_cache, overlapping=overlapping)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(write)
        return cls(zygote.generation, label, pid, ended, ours, overlapping=overlapping)

    def _report_stop(self, ended: asyncio.Future[int]) -> None:
        if os.WIFSTOPPED(ended.result()):
            name = signal.Signals(os.WSTOPSIG(ended.result())).name
            logger.warning(
                "%s: plugin process %d was stopped by signal %s and is ended; the next run gets a new one",
                *(self.label, self._pid, name),
            )

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return not self.ended.done()

    @property
    def usable(self) -> bool:
        """Whether the process takes more runs."""
        return self.alive and not self._leaving and not self._killed

    @property
    def leaving(self) -> bool:
        """Whether the process takes no more runs, but still has cached values."""
        return self.alive and self._leaving and not self._killed

    def open_lane(self) -> tuple[int, socket.socket]:
        """Start a thread in the process; return its number and the engine's end of its socket.

        Raises:
            OSError: The process has ended, or does not listen.
        """
        number = next(self._lanes)
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.connection, [LANE.pack(number)], [theirs.fileno()])
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return number, ours

    def begin_run(self) -> None:
        """Count a run that begins."""
        self._runs += 1

    async def end_run(self) -> None:
        """Count a run that has ended. After `leave`, the last one ends the process."""
        self._runs -= 1
        if self._leaving and not self._runs:
            await self.end()

    def leave(self) -> None:
        """Take no more runs, and end with the last current run."""
        self._leaving = True

    def interrupt(self, lane: int | None) -> None:
        """Raise KeyboardInterrupt in the run of a lane; None for a process without lanes."""
        with suppress(OSError):
            if lane is not None:
                self.connection.send(LANE.pack(lane))
            elif self.alive:
                os.kill(self._pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill the process and its process group; does not wait."""
        self._killed = True
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill the process, and wait for its end for half a second at most."""
        self.kill()
        await asyncio.wait([self.ended], timeout=GRACE)
