"""What the end-to-end tests deploy to: the embedded engine, or the real server that ``INFLUXDB3_SERVER`` names."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import EngineClient, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = os.environ.get("INFLUXDB3_SERVER")
CLOSED_PORT = "http://127.0.0.1:9"
_SECONDS_TO_START = 60.0


@contextmanager
def start_server(
    directory: Path,
    *,
    program: str | Path | None = PROGRAM,
    environment: dict[str, str] | None = None,
    **settings: str | bool,
) -> Iterator[RunningEngine]:
    """Run a server while the context lasts.

    Args:
        directory: As of ``start_engine``.
        program: What to run. Default: the program that ``INFLUXDB3_SERVER`` names, or the embedded engine.
        environment: As of ``start_engine``.
        settings: As of ``start_engine``.

    Yields:
        The server, as ``start_engine`` does.
    """
    if program is None:
        with start_engine(directory, environment=environment, **settings) as engine:
            yield engine
        return
    (directory / "plugins").mkdir(parents=True, exist_ok=True)
    flags = {
        "node_id": "node0",
        "object_store": "file",
        "data_dir": str(directory / "data"),
        "plugin_dir": str(directory / "plugins"),
        "http_bind": f"127.0.0.1:{free_port()}",
        "without_auth": True,
        "disable_telemetry_upload": True,
        **settings,
    }
    switches = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value is True]
    options = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items() if not isinstance(value, bool)]
    with (directory / "engine.log").open("ab") as log:
        process = subprocess.Popen(
            [program, "serve", *switches, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(directory / "plugins") | (environment or {}),
        )
    engine = RunningEngine(f"http://{flags['http_bind']}", process, directory)
    try:
        with EngineClient(engine.url, start_patience=_SECONDS_TO_START) as client, suppress(Unauthenticated):
            client.ping()
        yield engine
    finally:
        engine.stop()


def _environment(plugin_directory: Path) -> dict[str, str]:
    # VIRTUAL_ENV: the server would take the tests' own virtual environment for its plugins'
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return inherited | {"PLUGIN_DIR": str(plugin_directory)}


def delete_databases(client: EngineClient) -> None:
    """Delete all that can be: a Core server has five at most."""
    for name in client.databases():
        if name != "_internal":
            client.delete_database(name)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
