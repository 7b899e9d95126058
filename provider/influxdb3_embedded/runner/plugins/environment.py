"""The virtual environment of plugins, and the packages in it (contract 9)."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import venv
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from influxdb3_embedded import variables, worker
from influxdb3_embedded.disk import describe, file_errors
from influxdb3_embedded.runner.safe_texts import without_credentials
from influxdb3_embedded.worker import credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

_LAST_LINES = 10
"""Lines of pip's output in an error: the cause is at the end."""

_SECONDS_BETWEEN_LOOKS = 0.1

_LOCK = "install.lock"

_SECONDS_TO_END = 5.0
"""Seconds that a terminated pip has to end its own processes."""

_ENTRY_POINT = Path(worker.__file__).with_name("__main__.py")


class InstallFailed(Exception):
    """Packages could not be installed.

    Args:
        text: pip's own last lines.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PluginEnvironment:
    """A virtual environment of plugins.

    It is created without pip, which is faster. The first install adds pip from the interpreter's own bundle.

    Args:
        location: The environment's directory; created if missing.
        plugin_directory: ``PLUGIN_DIR`` of plugins; None for a server without one.
        passed_on: Names of environment variables that plugins get besides those of `variables`.
        umask: The umask of plugins and pip.

    Attributes:
        location: As above.
        umask: As above.
    """

    def __init__(
        self,
        location: Path,
        *,
        plugin_directory: Path | None = None,
        passed_on: Collection[str] = (),
        umask: int = 0o022,
    ) -> None:
        self.location = location.absolute()
        self.umask = umask
        self._plugin_directory = plugin_directory
        self._passed_on = passed_on
        self._generation = 0
        self._making = asyncio.Lock()
        self._installing = asyncio.Lock()

    @property
    def python(self) -> Path:
        """The interpreter that runs plugins."""
        return self.location / "bin" / "python"

    @property
    def generation(self) -> int:
        """Number of changes of the installed packages since the start.

        A process of an earlier generation may have loaded modules that are no longer installed.
        """
        return self._generation

    async def ensure(self) -> None:
        """Create the environment if it is missing; takes about 20 ms.

        Raises:
            OSError: The environment cannot be created.
        """
        async with self._making:
            if not self._is_complete():
                with file_errors(self.location):
                    await asyncio.to_thread(venv.EnvBuilder(symlinks=True).create, self.location)

    async def install(self, arguments: Sequence[str]) -> None:
        """Run ``pip install``; one call at a time.

        Args:
            arguments: Arguments of pip, unchanged: ``["-r", "/a/req.txt"]``.

        Raises:
            InstallFailed: pip could not be started, or failed.
        """
        async with self._installing:
            try:
                await self.ensure()
                async with self._alone() as lock:
                    await self._install(lock, arguments)
            except OSError as error:
                raise InstallFailed(f"the plugin environment cannot be changed: {describe(error)}") from error

    async def _install(self, lock: int, arguments: Sequence[str]) -> None:
        if not self._has_pip():
            await self._run(lock, "ensurepip")
        before = self._package_state()
        try:
            await self._run(lock, "pip", "install", "--disable-pip-version-check", "--no-input", *arguments)
        finally:
            if self._package_state() != before:
                self._generation += 1

    def command(self, module: str, *arguments: object) -> list[str]:
        """Return the command that runs a module of `influxdb3_embedded.worker` under the plugins' interpreter."""
        return [str(self.python), "-I", str(_ENTRY_POINT), module, *map(str, arguments)]

    def variables(self) -> dict[str, str]:
        """Return the environment variables of plugins.

        These are some of the engine's own variables, those of an activated virtual environment, and the plugin
        directory (contract 5.6). Local time is UTC, as in InfluxDB's images: plugins expect ``call_time`` in UTC.
        """
        return self._activated(variables.for_plugins(self._passed_on))

    def _activated(self, variables: dict[str, str]) -> dict[str, str]:
        variables["TZ"] = "UTC"
        variables["VIRTUAL_ENV"] = str(self.location)
        variables["PATH"] = os.pathsep.join(filter(None, (str(self.python.parent), variables.get("PATH"))))
        if self._plugin_directory is not None:
            variables["PLUGIN_DIR"] = variables["INFLUXDB3_PLUGIN_DIR"] = str(self._plugin_directory)
        return variables

    def _is_complete(self) -> bool:
        # venv writes the activation script last.
        return (self.location / "bin" / "activate").exists() and self.python.exists()

    def _has_pip(self) -> bool:
        # One of the last files of an installation: an interrupted installation is repeated.
        return any(True for packages in self._site_packages() for _ in packages.glob("pip-*.dist-info/INSTALLER"))

    def _site_packages(self) -> list[Path]:
        return list(self.location.glob("lib/python*/site-packages"))

    def _package_state(self) -> list[int]:
        # Every change of a package adds or removes at least a *.dist-info here.
        return [packages.stat().st_mtime_ns for packages in self._site_packages()]

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[int]:
        """Hold the environment's lock, whose descriptor each pip inherits.

        When the engine is killed, its pip finishes the installation, so that no package is half installed. That pip
        still holds the lock: the next engine's pip waits for its end.
        """
        with (self.location / _LOCK).open("wb") as file:
            while not _try_lock(file):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            try:
                yield file.fileno()
            finally:
                credentials.remove(self.location)  # a killed pip leaves them

    def tidy(self) -> None:
        """Make pip.conf private, and remove the credentials of an earlier engine's pip unless it still runs."""
        with suppress(OSError):
            (self.location / "pip.conf").chmod(0o600)
        with suppress(OSError), (self.location / _LOCK).open("r+b") as file:
            if _try_lock(file):
                credentials.remove(self.location)

    async def _run(self, lock: int, module: str, *arguments: str) -> None:
        request = {
            "module": module,
            "arguments": arguments,
            "readable": str(self._plugin_directory or self.location),
            "hidden": str(self.location),
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command("installer", lock, self.umask),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(lock,),
                env=self._activated(variables.for_pip(self._passed_on)),
                start_new_session=True,  # Ctrl-C in the engine's terminal must not interrupt pip
            )
        except (OSError, ValueError) as error:
            raise InstallFailed(f"{self.python} could not be started: {error}") from error
        try:
            output, errors = await process.communicate(json.dumps(request).encode())
        except asyncio.CancelledError:
            await _end(process)
            raise
        if process.returncode:
            text = _last_lines(errors) or _last_lines(output) or f"exit status {process.returncode}"
            raise InstallFailed(without_credentials(text, arguments))


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError, TimeoutError):
        process.terminate()
        await asyncio.wait_for(process.wait(), _SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _last_lines(output: bytes) -> str:
    lines = [line.rstrip() for line in output.decode(errors="replace").splitlines()]
    return "\n".join([line for line in lines if line and not line.startswith("[notice]")][-_LAST_LINES:])
