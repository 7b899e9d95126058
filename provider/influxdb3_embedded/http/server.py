"""Listens, starts the engine, serves until a signal comes, and stops it."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http import httptools_impl

from influxdb3_embedded.disk import naming
from influxdb3_embedded.engine import Engine
from influxdb3_embedded.http.app import Application
from influxdb3_embedded.http.browsers import Browsers
from influxdb3_embedded.http.connection import Connection
from influxdb3_embedded.http.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from influxdb3_embedded.settings import Settings

_SECONDS_TO_FINISH = 0.5
"""How long plugins and queries may go on after a signal before they are interrupted."""

_SECONDS_TO_ANSWER = 2
"""How long after a signal clients have to take their answers."""

_SECONDS_TO_STOP = 8
"""How long after a signal the process ends at the latest; what it has acknowledged is on disk by then."""

_log = logging.getLogger(__name__)

# plugins answer with any status from 100 to 999 (contract 4.5), uvicorn knows those below 600
for _status in range(600, 1000):
    httptools_impl.STATUS_LINE.setdefault(_status, f"HTTP/1.1 {_status} \r\n".encode())


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, interrupts what runs when it stops, and leaves signals to `serve`."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], engine: Engine) -> None:
        super().__init__(config)
        self._say_started = started
        self._engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # without lifespan events, uvicorn's own only listens, and takes as many connections as come
        assert sockets is not None
        self.servers = []
        self._listener = Listener(sockets[0], self._make_connection)
        self._listener.start()
        self.started = True
        self._say_started()

    def _make_connection(self) -> Connection:
        return Connection(self._listener, config=self.config, server_state=self.server_state, app_state={})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._listener.stop()
        interrupting = asyncio.create_task(self._interrupt())
        await super().shutdown(sockets)
        interrupting.cancel()

    async def _interrupt(self) -> None:
        # a request whose plugin or query is interrupted is answered with an error, one that is cancelled not at all
        await asyncio.sleep(_SECONDS_TO_FINISH)
        await self._engine.interrupt()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises a signal again once it has stopped, which would end the process before the engine has
        yield


async def serve(settings: Settings, *, ready_file: Path | None = None, started: Callable[[str], None]) -> None:
    """Run an engine until SIGTERM or SIGINT, and end the process if it has not stopped 8 seconds later.

    The socket is bound first and served last: a client that connects while the engine starts waits for its answer,
    and finds all enabled triggers running.

    Args:
        settings: How the engine runs.
        ready_file: A file to write the URL to once it is served, for a parent process that waits for it.
        started: Called with the URL once it is served.

    Raises:
        OSError: The address cannot be bound, the data directory not be made.
        StorageLockedError: Another engine runs on the data directory.
        CatalogVersionError: A newer release wrote the data.
    """
    listening = _bind(settings.host, settings.port)
    try:
        engine = Engine(settings)
        url = _url(listening)
        browsers = Browsers(listening.getsockname()[0], settings.allow_hosts, settings.allow_origins)
        config = uvicorn.Config(
            Application(engine, browsers),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SECONDS_TO_ANSWER,
        )

        def say_started() -> None:
            _log.info("serving", extra={"fields": {"url": url}})
            started(url)
            if ready_file:  # last: whoever waits for it finds the rest done
                _write_ready_file(ready_file, url)

        server = _Server(config, say_started, engine)
        _stop_on_signals(server)
        await engine.start()
        # modules live as long as the process: looking for garbage among them would stop every request for a while
        gc.freeze()
        # threads that read large bodies let the event loop in five times as soon as by default
        sys.setswitchinterval(0.001)
        try:
            await server.serve(sockets=[listening])
        finally:
            await engine.stop()
            _log.info("stopped")
    finally:
        listening.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    listening.setblocking(False)
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_on_signals(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        _log.info("stopping", extra={"fields": {"signal": number.name}})
        # whatever hangs: this ends the process, and shows where each thread was; the other processes end with it
        faulthandler.dump_traceback_later(_SECONDS_TO_STOP, exit=True)
        # a second signal does not wait for calls under way
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def _write_ready_file(path: Path, url: str) -> None:
    # whoever sees the file sees all of it
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with naming(path):
        temporary.write_text(url)
        temporary.replace(path)
