"""Starts engines for tests: each in its own process, on a free port, stopped at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_engine_api import EngineClient

Setting = str | int | float | bool | Path | list[str] | tuple[str, ...]
"""Value of a flag of ``influxdb3-embedded serve``, see `start_engine`."""

_PACKAGES = Path(__file__).parents[2]
_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 10.0
_SECONDS_BETWEEN_LOOKS = 0.01


class EngineDidNotStart(Exception):
    """The engine ended, or did not serve in time. The text has what it printed."""


@dataclass
class RunningEngine:
    """A running engine.

    Attributes:
        url: URL of the engine.
        process: Process of the engine.
        directory: The directory with ``data``, ``plugins`` and ``engine.log``.
        client: A client without a token.
    """

    url: str
    process: subprocess.Popen[bytes]
    directory: Path
    client: EngineClient = field(init=False)

    def __post_init__(self) -> None:
        # pytest imports this package in every project that has the distribution
        from influxdb3_engine_api import EngineClient  # noqa: PLC0415

        self.client = EngineClient(self.url)

    @property
    def pid(self) -> int:
        """The process ID."""
        return self.process.pid

    @property
    def plugin_dir(self) -> Path:
        """The default directory of the plugins."""
        return self.directory / "plugins"

    @property
    def logs(self) -> str:
        """What the engine has written to standard output and standard error."""
        return _log_file(self.directory).read_text(errors="replace")

    def kill(self) -> None:
        """End the engine with ``kill -9``, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.client.close()

    def stop(self) -> int:
        """Stop the engine as Ctrl-C does, and return its exit status. After 10 seconds it is killed."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def start_engine(
    directory: Path, *, environment: dict[str, str] | None = None, **settings: Setting
) -> Iterator[RunningEngine]:
    """Run an engine while the context lasts.

    Args:
        directory: Directory of data, plugins and log. A later engine on the same directory finds the data.
        environment: Environment variables besides those of this process.
        settings: Flags of ``influxdb3-embedded serve`` by name, such as ``max_http_request_size=1024``. True sets a
            flag without a value, False leaves it out, a list repeats it: ``plugin_env=["API_KEY"]`` passes a variable
            to plugins. Tokens are off unless ``without_auth=False``.

    Raises:
        EngineDidNotStart: The engine ended, or did not serve within 30 seconds.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ready_file = directory / "url"
    ready_file.unlink(missing_ok=True)
    flags: dict[str, Setting] = {
        "http_bind": "127.0.0.1:0",
        "data_dir": directory / "data",
        "plugin_dir": directory / "plugins",
        "without_auth": True,
        "ready_file": ready_file,
        **settings,
    }
    command = [sys.executable, "-m", "influxdb3_embedded", "serve", *_arguments(flags)]
    with open(_log_file(directory), "ab", opener=_open_private) as log:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and flags that the test gives
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(_PACKAGES), **(environment or {})},
        )
    try:
        engine = RunningEngine(_wait_until_ready(process, ready_file, directory), process, directory)
    except BaseException:
        process.kill()
        process.wait()
        raise
    try:
        yield engine
    finally:
        engine.stop()


def _arguments(flags: dict[str, Setting]) -> Iterator[str]:
    for name, given in flags.items():
        for value in given if isinstance(given, list | tuple) else [given]:
            if value is False:
                continue
            yield f"--{name.replace('_', '-')}"
            if value is not True:
                yield str(value)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path, directory: Path) -> str:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not ready_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            log = _log_file(directory).read_text(errors="replace")
            raise EngineDidNotStart(f"the engine did not start (exit status {process.poll()}):\n{log}")
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return ready_file.read_text()


def _log_file(directory: Path) -> Path:
    return directory / "engine.log"
