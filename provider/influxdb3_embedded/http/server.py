"""Runs an engine and its HTTP server until a signal arrives."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http import httptools_impl

from influxdb3_embedded.disk import file_errors
from influxdb3_embedded.engine import EmbeddedEngine
from influxdb3_embedded.flight import FlightGateway
from influxdb3_embedded.http.app import Application
from influxdb3_embedded.http.browsers import Browsers
from influxdb3_embedded.http.connection import Connection
from influxdb3_embedded.http.listener import Listener
from influxdb3_embedded.http.relay import Relays
from influxdb3_embedded.http.routes.health import API_VERSION, PRODUCT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from influxdb3_embedded.settings import Settings

_SECONDS_TO_FINISH = 0.5
"""Time between a signal and the interruption of plugins and queries."""

_SECONDS_TO_ANSWER = 2
"""Time between a signal and the end of connections whose clients have not read their answers."""

_SECONDS_TO_STOP = 8
"""Time between a signal and the end of the process, even if something hangs. Acknowledged writes are on disk then."""

_log = logging.getLogger(__name__)

# uvicorn has status lines below 600 only, and plugins may answer with any status up to 999 (contract 4.5)
for _status in range(600, 1000):
    httptools_impl.STATUS_LINE.setdefault(_status, f"HTTP/1.1 {_status} \r\n".encode())


class _Server(uvicorn.Server):
    """A uvicorn server with limits for connections. When it stops, it interrupts plugins and queries."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None], engine: EmbeddedEngine) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._engine = engine

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # instead of uvicorn's own listener, which accepts any number of connections
        assert sockets is not None
        self.servers = []
        self._listener = Listener(sockets[0], self._make_connection)
        gateway = FlightGateway(self._engine, (PRODUCT, API_VERSION))
        self._relays = Relays(gateway, self._listener, self._engine.settings.query_time_limit)
        self._listener.start()
        self.started = True
        self._on_started()

    def _make_connection(self) -> Connection:
        return Connection(
            self._listener, self._relays, config=self.config, server_state=self.server_state, app_state={}
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._listener.stop()
        interrupting = asyncio.create_task(self._interrupt())
        ending_calls = asyncio.create_task(self._relays.stop(_SECONDS_TO_ANSWER))
        await super().shutdown(sockets)
        await ending_calls
        interrupting.cancel()

    async def _interrupt(self) -> None:
        # an interrupted plugin or query leads to an error answer; a cancelled request would get no answer
        await asyncio.sleep(_SECONDS_TO_FINISH)
        await self._engine.interrupt()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # `serve` handles signals: uvicorn's own handlers would end the process before the engine has stopped
        yield


async def serve(settings: Settings, *, ready_file: Path | None = None, started: Callable[[str], None]) -> None:
    """Run an engine until SIGTERM or SIGINT; end the process if the engine has not stopped 8 seconds later.

    A client can connect while the engine starts. It gets its answer when all enabled triggers run.

    Args:
        settings: How the engine runs.
        ready_file: A file that gets the URL when the engine answers requests, for a parent process that waits.
        started: Called with the URL when the engine answers requests.

    Raises:
        OSError: The address cannot be bound, or the data directory cannot be created.
        StorageLockedError: Another engine uses the data directory.
        CatalogVersionError: A newer release wrote the data.
    """
    listening = _bind(settings.host, settings.port)
    try:
        engine = EmbeddedEngine(settings)
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

        def on_listening() -> None:
            _log.info("serving", extra={"fields": {"url": url}})
            started(url)
            if ready_file:  # last, because the parent process waits for it
                _write_ready_file(ready_file, url)

        server = _Server(config, on_listening, engine)
        _stop_on_signals(server)
        await engine.start()
        # default: 5 ms; during six large writes, the median answer of /health takes 13 ms instead of 21 ms
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
        # if something hangs, this prints the stack of each thread and ends the process; child processes end with it
        faulthandler.dump_traceback_later(_SECONDS_TO_STOP, exit=True)
        # after a second signal, the server does not wait for requests
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def _write_ready_file(path: Path, url: str) -> None:
    # renamed into place: the parent process never sees an incomplete file
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with file_errors(path):
        temporary.write_text(url)
        temporary.replace(path)
