"""Starts the gRPC server when the first client needs it, and connects clients to it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from influxdb3_embedded.flight.open_results import OpenResults

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from influxdb3_embedded.engine import EmbeddedEngine

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)

_MOST_CALLS = 256
"""Calls at once. Each call has a thread while it runs."""

_MOST_CALLS_OF_CONNECTION = 100
_SECONDS_BETWEEN_CHECKS = 10.0
_SECONDS_TO_CANCEL = 1.0
_LONGEST_PATH = 90
"""Length of a directory for a Unix socket. Linux takes 107 bytes for the whole path, macOS 103."""

_MILLISECONDS_IDLE = 60_000
"""A connection without calls is closed after this time. gRPC clients connect again when they need to."""

_MILLISECONDS_TO_BEGIN = 10_000
"""Time that a client has to send the first bytes of a connection."""


class FlightGateway:
    """The Flight server of an engine.

    Args:
        engine: Runs the queries and checks the tokens.
        product: Name and version of the server.
    """

    def __init__(self, engine: EmbeddedEngine, product: tuple[str, str]) -> None:
        self._engine = engine
        self._product = product
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._server: grpc.Server | None = None
        self._starting: asyncio.Task[Path] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._results = OpenResults(engine.settings.query_memory)

    async def connect(self, make_protocol: Callable[[], Protocol]) -> Protocol:
        """Connect to the server; start it if it does not run.

        Args:
            make_protocol: Makes the protocol of the new connection.

        Raises:
            Exception: The server cannot start, or the connection fails.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            path = await asyncio.shield(self._starting)
        except Exception:
            self._starting = None  # the next client tries again
            raise
        _, protocol = await asyncio.get_running_loop().create_unix_connection(make_protocol, str(path))
        return protocol

    async def stop(self, seconds: float) -> None:
        """Stop the server.

        Args:
            seconds: Time in which calls may end. Then they are cancelled.
        """
        if self._starting is not None:
            with suppress(Exception):  # the connections of the clients have reported it
                await self._starting
        if self._checking is not None:
            self._checking.cancel()
        if self._server is not None:
            stopped = self._server.stop(seconds)
            await asyncio.to_thread(stopped.wait, seconds + _SECONDS_TO_CANCEL)
        if self._directory is not None:
            self._directory.cleanup()

    async def _start(self) -> Path:
        loop = asyncio.get_running_loop()
        self._directory = _private_directory()
        path = Path(self._directory.name, "flight")
        self._server = await asyncio.to_thread(self._started_server, loop, path)
        self._checking = loop.create_task(self._check_forever())
        return path

    def _started_server(self, loop: asyncio.AbstractEventLoop, path: Path) -> grpc.Server:
        # before the import: gRPC would write what clients send to the log, with control characters
        os.environ["GRPC_VERBOSITY"] = "NONE"
        # imported here: most engines never serve Flight, and gRPC takes a tenth of a second and 15 MB
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        import grpc  # noqa: PLC0415

        from influxdb3_embedded.flight.flight_service import FlightService  # noqa: PLC0415

        server = grpc.server(
            ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="flight"),
            handlers=[FlightService(self._engine, loop, self._results, self._product).handler()],
            options=[
                ("grpc.max_concurrent_streams", _MOST_CALLS_OF_CONNECTION),
                ("grpc.max_connection_idle_ms", _MILLISECONDS_IDLE),
                ("grpc.server_handshake_timeout_ms", _MILLISECONDS_TO_BEGIN),
                ("grpc.max_receive_message_length", self._engine.settings.max_http_request_size),
                ("grpc.max_send_message_length", -1),
            ],
            maximum_concurrent_rpcs=_MOST_CALLS,
        )
        try:
            server.add_insecure_port(f"unix:{path}")
        except RuntimeError as error:
            raise OSError(str(error)) from error
        server.start()
        return server

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            self._results.end_stalled()


def _private_directory() -> tempfile.TemporaryDirectory[str]:
    """A directory that only this user can enter: other users cannot reach the socket in it."""
    prefix = "influxdb3-flight-"
    short = len(tempfile.gettempdir()) + len(prefix) < _LONGEST_PATH - 20
    return tempfile.TemporaryDirectory(prefix=prefix, dir=None if short else "/tmp", ignore_cleanup_errors=True)  # noqa: S108 - its mode is 0700
