"""A process that plugins run in: one run at a time, or overlapping runs in threads."""

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
    from influxdb3_embedded.runner.processes.worker_zygote import WorkerZygoteClient

logger = logging.getLogger(__name__)

GRACE = 0.5
"""Seconds that an interrupted plugin has before it is killed."""


class WorkerProcess:
    """A forked process. Made by `fork`.

    Args:
        generation: The state of the plugin environment that it sees.
        label: What lines that plugins print are logged under.
        pid: Its process id.
        ended: The wait status it ends with.
        connection: The server's end of its socket: for frames, or with ``overlapping`` for new lanes.
        overlapping: Whether runs may overlap in it, each in a lane: a thread with a socket of its own.

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
        cls, zygote: WorkerZygoteClient, label: str, *, resident_cache: bool, overlapping: bool
    ) -> WorkerProcess:
        """Have a process forked; not to be cancelled.

        Args:
            zygote: What it is forked from.
            label: What lines that plugins print are logged under.
            resident_cache: Whether the trigger's own cached values lie in it.
            overlapping: Whether runs may overlap in it.

        Raises:
            ZygoteGone: There is no process.
        """
        read, write = os.pipe()
        PrintedLines(label, read)
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
        """Whether it has not ended."""
        return not self.ended.done()

    @property
    def usable(self) -> bool:
        """Whether it takes further runs."""
        return self.alive and not self._leaving and not self._killed

    @property
    def leaving(self) -> bool:
        """Whether it takes no further runs and still has what its runs have kept."""
        return self.alive and self._leaving and not self._killed

    def open_lane(self) -> tuple[int, socket.socket]:
        """Have a thread made for one run at a time; return its number and the server's end of its socket.

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
        """Count a run."""
        self._runs += 1

    async def end_run(self) -> None:
        """Count a run's end; one that is to end with its last run is ended now."""
        self._runs -= 1
        if self._leaving and not self._runs:
            await self.end()

    def leave(self) -> None:
        """Take no more runs, and end with the last of those that are under way."""
        self._leaving = True

    def interrupt(self, lane: int | None) -> None:
        """Raise KeyboardInterrupt in the run of a lane, or in the only run."""
        with suppress(OSError):
            if lane is not None:
                self.connection.send(LANE.pack(lane))
            elif self.alive:
                os.kill(self._pid, signal.SIGINT)

    def kill(self) -> None:
        """End it, and what its plugins have started, without waiting."""
        self._killed = True
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    async def end(self) -> None:
        """End it, and wait a moment for its end."""
        self.kill()
        await asyncio.wait([self.ended], timeout=GRACE)
