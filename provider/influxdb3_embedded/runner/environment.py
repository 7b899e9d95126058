"""The virtual environment that plugins run in, and the packages in it (contract 9)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import venv
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

_LAST_LINES = 10
"""Lines of pip's output that an error carries: the cause is at the end."""

_SECONDS_BETWEEN_LOOKS = 0.1

_OWN_SETTINGS = ("PYTHON", "INFLUXDB3_", "PULUMI_")
"""Prefixes of environment variables that steer this server, its interpreter or the program that deploys to it."""


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

    It is made without pip, which takes a fraction of the time; pip comes with the first install, out of the
    interpreter's own bundle.

    Args:
        location: The environment's directory; made if missing.
        plugin_directory: What plugins find as ``PLUGIN_DIR``; ``None`` where there is none.
    """

    def __init__(self, location: Path, *, plugin_directory: Path | None = None) -> None:
        self.location = location.absolute()
        self._plugin_directory = plugin_directory
        self._generation = 0
        self._making = asyncio.Lock()
        self._installing = asyncio.Lock()

    @property
    def python(self) -> Path:
        """The interpreter that runs plugins."""
        return self.location / "bin" / "python"

    @property
    def generation(self) -> int:
        """How often the installed packages have changed since the start.

        A process older than the newest change may hold modules that are no longer installed.
        """
        return self._generation

    async def ensure(self) -> None:
        """Make the environment if it is missing; takes about 20 ms, and none if it is there.

        Raises:
            OSError: It cannot be made there.
        """
        async with self._making:
            if not self._is_complete():
                await asyncio.to_thread(venv.EnvBuilder(symlinks=True).create, self.location)

    async def install(self, arguments: Sequence[str]) -> None:
        """Run ``pip install``; calls wait for each other.

        Args:
            arguments: Package names, paths and pip's own options, passed on as they are: ``["-r", "/a/req.txt"]``.

        Raises:
            InstallFailed: pip could not be started or said that it failed.
        """
        async with self._installing:
            try:
                await self.ensure()
            except OSError as error:
                raise InstallFailed(f"the plugin environment cannot be made: {error}") from error
            async with self._alone() as lock:
                if not self._has_pip():
                    await self._run(lock, "ensurepip")
                before = self._package_state()
                try:
                    await self._run(lock, "pip", "install", "--disable-pip-version-check", "--no-input", *arguments)
                finally:
                    if self._package_state() != before:
                        self._generation += 1

    def variables(self) -> dict[str, str]:
        """Return the environment variables of plugins.

        What activating the virtual environment sets, and where the plugins lie (contract 5.6). The server's own
        settings, its token among them, stay out. Local time is UTC, as in InfluxDB's images: plugins take
        ``call_time`` for UTC, as the documentation does.
        """
        variables = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
        variables["TZ"] = "UTC"
        variables["VIRTUAL_ENV"] = str(self.location)
        variables["PATH"] = os.pathsep.join(filter(None, (str(self.python.parent), variables.get("PATH"))))
        if self._plugin_directory is not None:
            variables["PLUGIN_DIR"] = variables["INFLUXDB3_PLUGIN_DIR"] = str(self._plugin_directory)
        return variables

    def _is_complete(self) -> bool:
        # The activation script is the last thing that venv writes.
        return (self.location / "bin" / "activate").exists() and self.python.exists()

    def _has_pip(self) -> bool:
        # One of the last files of an installation: one that was interrupted is done again.
        return any(True for packages in self._site_packages() for _ in packages.glob("pip-*.dist-info/INSTALLER"))

    def _site_packages(self) -> list[Path]:
        return list(self.location.glob("lib/python*/site-packages"))

    def _package_state(self) -> list[int]:
        # Every install adds, removes or renames an entry here, if only a *.dist-info of another version.
        return [packages.stat().st_mtime_ns for packages in self._site_packages()]

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[int]:
        """Hold the environment's lock, whose descriptor each pip inherits.

        When the engine is killed, its pip finishes what it has begun, so that no package is left in half, and the lock
        ends with it: the next engine's pip waits until then.
        """
        with (self.location / "install.lock").open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            yield file.fileno()

    async def _run(self, lock: int, module: str, *arguments: str) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                self.python,
                "-I",
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(lock,),
                env=self.variables(),
                start_new_session=True,  # a Ctrl-C in the server's terminal is the server's to handle
            )
        except (OSError, ValueError) as error:
            raise InstallFailed(f"{self.python} could not be started: {error}") from error
        try:
            output, errors = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        if process.returncode:
            raise InstallFailed(_last_lines(errors) or _last_lines(output) or f"exit status {process.returncode}")


def _last_lines(output: bytes) -> str:
    lines = [line.rstrip() for line in output.decode(errors="replace").splitlines()]
    return "\n".join([line for line in lines if line and not line.startswith("[notice]")][-_LAST_LINES:])
