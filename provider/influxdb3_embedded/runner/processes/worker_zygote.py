"""The server's side of the zygote: starts it, has it fork workers, hears of their end."""

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

_FORK_TIMEOUT = 10.0
"""Seconds in which a fork, a matter of a millisecond, is to be reported."""

_SECONDS_BETWEEN_LOOKS = 2.0

_END_TIMEOUT = 5.0
"""Seconds after which a zygote that does not end is killed; its workers end with it."""

logger = logging.getLogger(__name__)


class ZygoteGone(Exception):
    """The zygote ended before it had forked; a new one can be started."""


class WorkerZygoteClient:
    """A running zygote and the workers it forked.

    Args:
        control: The socket to it.
        process: It.
        generation: The state of the plugin environment that it was started in.
    """

    def __init__(self, control: socket.socket, process: asyncio.subprocess.Process, generation: int) -> None:
        self.generation = generation
        self._control = control
        self._process = process
        self._forking = asyncio.Lock()
        self._forked: asyncio.Future[tuple[int, asyncio.Future[int]]] | None = None
        self._workers: dict[int, asyncio.Future[int]] = {}
        self._retired = False
        self._expected_to_end = False
        self._listening = asyncio.create_task(self._listen())
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def start(cls, environment: PluginEnvironment) -> WorkerZygoteClient:
        """Start a zygote under the plugins' interpreter; the environment is made if it is missing.

        Raises:
            OSError: The interpreter cannot be started.
        """
        await environment.ensure()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        read, write = os.pipe()
        PrintedLines("start of plugin processes", read)  # not the server's own log, which plugins could write to
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
        """Whether it can fork."""
        return self._control.fileno() >= 0

    async def fork(
        self, connection: socket.socket, output: int, *, resident_cache: bool, overlapping: bool
    ) -> tuple[int, asyncio.Future[int]]:
        """Fork a worker; not to be cancelled.

        Args:
            connection: The worker's end of its socket; the caller closes it.
            output: Descriptor of the pipe for what its plugins print; the caller closes it.
            resident_cache: Whether the trigger's cache lies in the worker.
            overlapping: Whether runs may overlap in it.

        Returns:
            The worker's process id, and the wait status it ends with.

        Raises:
            ZygoteGone: There is no worker.
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
                # Its answer, should it still come, would be taken for that to the next request.
                with suppress(ProcessLookupError):
                    self._process.kill()
                raise ZygoteGone from error

    def retire(self) -> None:
        """End it as soon as its last worker has ended."""
        self._retired = True
        if not self._workers:
            self._hang_up()

    async def close(self) -> None:
        """End it and every worker."""
        self._hang_up()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _END_TIMEOUT)
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._listening

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if is_stopped(self._process.pid):
                logger.warning("the process that plugins are started from was stopped, and is continued")
                self._continue()

    def _continue(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        received = b""
        try:
            while data := await loop.sock_recv(self._control, 65536):
                *lines, received = (received + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        except OSError:
            pass  # as good as hung up
        finally:
            self._watching.cancel()
            self._control.close()
            self._bury_all()
        await self._process.wait()

    def _hear(self, message: dict[str, int]) -> None:
        if "started" in message:
            pid = message["started"]
            ended = self._workers[pid] = asyncio.get_running_loop().create_future()
            if self._forked is not None and not self._forked.done():
                self._forked.set_result((pid, ended))
        else:
            self._workers.pop(message["ended"]).set_result(message["status"])
            if self._retired and not self._workers:
                self._hang_up()

    def _bury_all(self) -> None:
        if not self._expected_to_end:
            logger.warning("the process that plugins are started from has ended, and %d of them", len(self._workers))
        for pid, ended in self._workers.items():
            # Without their parent they are nobody's business but ours; Linux has killed them already.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            ended.set_result(signal.SIGKILL)
        self._workers.clear()
        if self._forked is not None and not self._forked.done():
            self._forked.set_exception(ConnectionResetError())

    def _hang_up(self) -> None:
        self._expected_to_end = True
        self._continue()  # if it was stopped
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal such as SIGSTOP; False where /proc does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def _directory_of(package: str) -> str:
    """Where a package lies; it is not loaded here."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    return found.submodule_search_locations[0]
