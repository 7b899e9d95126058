"""Transport of requests: limits the time and the size of a request with its whole answer.

httpx limits the time of each read and write, so that a server can keep a client waiting with a byte a second. Here each
read and write checks the limits of the whole request. They are kept for each thread, since httpcore does all work for a
request in the thread that sends it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore

from influxdb3_engine_api.httpx_without_cli import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from influxdb3_engine_api.proxies import Proxy

_WRITTEN_AT_ONCE = 16 * 1024
"""Bytes that are sent between two checks of the time."""
_CONNECTIONS = 32


class TooLarge(Exception):
    """An answer is larger than allowed."""


class _Bounds(threading.local):
    """The limits of the request that a thread is sending.

    Attributes:
        seconds: Seconds from the start of the connection, or the first byte, to the last byte of the answer.
        ends: End of that time; None before it starts. httpcore limits the time to wait for a free connection.
        left: Bytes that the server may still send.
    """

    seconds: float = float("inf")
    ends: float | None = None
    left: float = float("inf")

    def timeout(self, step: float | None, exceeded: type[Exception]) -> float | None:
        """Seconds for the next read or write: the rest of the time, at most ``step``."""
        now = time.monotonic()
        if self.ends is None:
            self.ends = now + self.seconds
        left = self.ends - now
        if left <= 0:
            raise exceeded("the deadline is over")
        shortest = left if step is None else min(step, left)
        return None if shortest == float("inf") else shortest


_bounds = _Bounds()


@contextmanager
def bounded(seconds: float, size: int) -> Iterator[None]:
    """Limit the one request that this thread sends meanwhile, and its answer.

    Args:
        seconds: Seconds for both.
        size: Bytes of the answer with its headers, before decompression.

    Raises:
        TooLarge: The answer has more bytes.
        httpx.TimeoutException: The time is over.
    """
    _bounds.seconds, _bounds.ends, _bounds.left = seconds, None, size
    try:
        yield
    finally:
        _bounds.seconds, _bounds.ends, _bounds.left = float("inf"), None, float("inf")


class Transport(httpx.BaseTransport):
    """Pooled connections to a server.

    Args:
        verify: The certificate authorities to trust.
        proxy: The proxy; None for direct connections.
    """

    def __init__(self, verify: ssl.SSLContext, proxy: Proxy | None) -> None:
        limits = {"max_connections": _CONNECTIONS, "max_keepalive_connections": _CONNECTIONS, "keepalive_expiry": 5.0}
        shared: dict[str, Any] = {"ssl_context": verify, "network_backend": _Backend(), **limits}
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**shared)
            return
        way = httpx.Proxy(proxy.url)
        url = _core_url(way.url)
        if way.url.scheme.startswith("socks"):
            self._pool = httpcore.SOCKSProxy(proxy_url=url, proxy_auth=way.raw_auth, **shared)
        else:
            self._pool = httpcore.HTTPProxy(proxy_url=url, proxy_auth=way.raw_auth, **shared)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer; its body has not been read."""
        with _errors_of_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=_core_url(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),  # type: ignore[arg-type] # of a synchronous pool
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._stream

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        limit = _bounds.timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(self._sockets.connect_tcp(host, port, limit, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, timeout=_bounds.timeout(timeout, httpcore.ReadTimeout))
        _bounds.left -= len(data)
        if _bounds.left < 0:
            raise TooLarge
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_AT_ONCE):
            limit = _bounds.timeout(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITTEN_AT_ONCE], timeout=limit)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = _bounds.timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Convert errors of httpcore into those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
        raise kind(str(error)) from error
