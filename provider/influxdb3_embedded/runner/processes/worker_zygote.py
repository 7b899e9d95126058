"""The engine's side of the zygote: starts it, requests forks, learns of the end of workers."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.processes.printed_lines import PrintedLines

if TYPE_CHECKING:
    from influxdb3_embedded.runner.plugins.environment import PluginEnvironment
    from influxdb3_embedded.runner.processes.turns import Turns

_FORK_TIMEOUT = 10.0
"""Seconds that a fork may take; usually it takes a millisecond."""

_SECONDS_BETWEEN_LOOKS = 2.0

_END_TIMEOUT = 5.0
"""Seconds after which a zygote that does not end is killed, together with its workers."""

logger = logging.getLogger(__name__)


class ZygoteGone(Exception):
    """The zygote ended before it forked; a new one can be started."""


class WorkerZygoteClient:
    """A running zygote and its workers.

    Args:
        control: The socket to the zygote.
        process: The zygote's guardian, which ends after the zygote.
        generation: The state of the plugin environment at the start.
    """

    def __init__(self, control: socket.socket, process: asyncio.subprocess.Process, generation: int) -> None:
        self.generation = generation
        self._control = control
        self._process = process
        self._pid: int | None = None
        self._forking = asyncio.Lock()
        self._forked: asyncio.Future[tuple[int, asyncio.Future[int]]] | None = None
        self._workers: dict[int, asyncio.Future[int]] = {}
        self._retired = False
        self._expected_to_end = False
        self._listening = asyncio.create_task(self._listen())
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def start(cls, environment: PluginEnvironment, turns: Turns) -> WorkerZygoteClient:
        """Start a zygote under the plugins' interpreter; creates the environment if it is missing.

        Args:
            environment: The plugins' virtual environment.
            turns: When the event loop has time for output of plugins.

        Raises:
            OSError: The interpreter cannot be started.
        """
        await environment.ensure()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        read, write = os.pipe()
        PrintedLines("start of plugin processes", read, turns)  # plugins must not inherit the engine's own log
        try:
            process = await asyncio.create_subprocess_exec(
                *environment.command("zygote", theirs.fileno(), _directory_of("cloudpickle"), environment.umask),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=environment.variables(),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(write)
        return cls(ours, process, environment.generation)

    @property
    def alive(self) -> bool:
        """Whether the zygote can fork."""
        return self._control.fileno() >= 0

    async def fork(
        self, connection: socket.socket, output: int, *, resident_cache: bool, overlapping: bool
    ) -> tuple[int, asyncio.Future[int]]:
        """Fork a worker. Callers shield this from cancellation.

        Args:
            connection: The worker's end of its socket; the caller closes it.
            output: Descriptor of the pipe for what plugins print; the caller closes it.
            resident_cache: Whether the trigger's cached values are in the worker.
            overlapping: Whether runs overlap in the worker.

        Returns:
            The worker's process id, and a future that gets its wait status.

        Raises:
            ZygoteGone: The zygote has ended.
        """
        async with self._forking:
            if not self.alive:
                raise ZygoteGone
            self._forked = asyncio.get_running_loop().create_future()
            request = json.dumps({"resident_cache": resident_cache, "overlapping": overlapping}).encode()
            try:
                socket.send_fds(self._control, [request], [connection.fileno(), output])
                return await asyncio.wait_for(self._forked, _FORK_TIMEOUT)
            except OSError as error:
                # A late answer would be taken for the answer to the next request.
                self._signal(signal.SIGKILL)
                raise ZygoteGone from error

    def retire(self) -> None:
        """End the zygote when its last worker has ended."""
        self._retired = True
        if not self._workers:
            self._hang_up()

    async def close(self) -> None:
        """End the zygote and all workers."""
        self._hang_up()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _END_TIMEOUT)
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._listening

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if self._pid is not None and is_stopped(self._pid):
                logger.warning("the process that starts plugins was stopped by a signal; it is continued")
                self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None and self.alive:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        received = b""
        try:
            while data := await loop.sock_recv(self._control, 65536):
                *lines, received = (received + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        except OSError:
            pass  # the zygote has ended
        finally:
            self._watching.cancel()
            self._control.close()
            self._report_all_ended()
        await self._process.wait()

    def _hear(self, message: dict[str, int]) -> None:
        if "zygote" in message:
            self._pid = message["zygote"]
        elif "started" in message:
            pid = message["started"]
            ended = self._workers[pid] = asyncio.get_running_loop().create_future()
            if self._forked is not None and not self._forked.done():
                self._forked.set_result((pid, ended))
        else:
            self._workers.pop(message["ended"]).set_result(message["status"])
            if self._retired and not self._workers:
                self._hang_up()

    def _report_all_ended(self) -> None:
        if not self._expected_to_end:
            logger.warning(
                "the process that starts plugins has ended unexpectedly, with %d plugin processes", len(self._workers)
            )
        for pid, ended in self._workers.items():
            # Linux has killed them with their parent; other systems have not.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            ended.set_result(signal.SIGKILL)
        self._workers.clear()
        if self._forked is not None and not self._forked.done():
            self._forked.set_exception(ConnectionResetError())

    def _hang_up(self) -> None:
        self._expected_to_end = True
        # a stopped process cannot end itself
        self._signal(signal.SIGCONT)
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal such as SIGSTOP; False without /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def _directory_of(package: str) -> str:
    """Return a package's directory without loading the package."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    return found.submodule_search_locations[0]
