"""How requests reach a server and answers are read: the one place where httpx's errors become this package's."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from influxdb3_engine_api.addresses import URL_FORM, token_problem, url_problem
from influxdb3_engine_api.errors import AnswerLost, EngineUnreachable, UnreadableAnswer, answer_error

# httpx loads its command line, and with it rich and pygments where they are installed: 0.1 s that nobody here needs
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # what makes the import fail, as httpx expects
import httpx  # noqa: E402

if sys.modules["httpx._main"] is None:
    del sys.modules["httpx._main"]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = TypeVar("Answer")
_SECONDS_BETWEEN_CONNECTIONS = 0.2


class Connection:
    """Pooled connections to one server; safe to share between threads.

    Args:
        host_url: Base URL, such as ``http://127.0.0.1:8181``.
        token: API token; sent as ``Authorization: Bearer``, part of no message or representation.
        timeout: Seconds for one request; also the limit for connecting.
        tls_ca: Path of a PEM file with the certificate authorities to trust instead of the system's.
        tls_no_verify: Do not verify the server's certificate.
        start_patience: Seconds to wait for a server that refuses connections, since it may just be starting; nothing
            has been sent then.
        on_wait: Told once when that begins.
        transport: What carries the requests; the seam for tests.

    Attributes:
        host_url: Base URL, without a slash at its end.
        cluster_uuid: Identity of the server, as the newest answer that has one states it; None before that.

    Raises:
        EngineUnreachable: No request can ever be sent with that URL, token or file of authorities.
    """

    def __init__(
        self,
        host_url: str,
        token: str | None,
        *,
        timeout: float,
        tls_ca: str | None,
        tls_no_verify: bool,
        start_patience: float,
        on_wait: Callable[[str], None],
        transport: httpx.BaseTransport | None,
    ) -> None:
        if problem := url_problem(host_url):
            raise EngineUnreachable(f"{problem}: {URL_FORM}")
        if problem := token_problem(token or ""):
            raise EngineUnreachable(problem)
        self.host_url = host_url.rstrip("/")
        self.cluster_uuid: str | None = None
        self._http = httpx.Client(
            base_url=self.host_url,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
            verify=_verification(self.host_url, tls_ca, tls_no_verify),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
            transport=transport,
        )
        self._start_patience = start_patience
        self._on_wait = on_wait
        self._refused_since: float | None = None
        self._guard = threading.Lock()

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json_body: Any = None,
        content: bytes | None = None,
        timeout: float | None = None,
        changes: bool | None = None,
    ) -> httpx.Response:
        """Send a request, with a body of JSON or of bytes, and return the answer if it is a success.

        ``changes`` says whether the request changes anything on the server; default: all but GET do.

        Raises:
            AnswerError: The server answered anything but 2xx.
            TransportError: No answer came within ``timeout`` seconds (default: the connection's).
        """
        headers = None
        if json_body is not None:
            content = json.dumps(json_body, ensure_ascii=False).encode()
            headers = {"content-type": "application/json"}
        if changes is None:
            changes = method != "GET"
        answer = self.request(
            method, path, params=params, headers=headers, content=content, timeout=timeout, changes=changes
        )
        if answer.has_redirect_location:
            text = f"redirects to {answer.headers['location']}: set influxdb3:hostUrl to where the server really is"
            raise answer_error(f"{method} {path}", answer.status_code, text)
        if not answer.is_success:
            raise answer_error(f"{method} {path}", answer.status_code, answer.text)
        return answer

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        timeout: float | None = None,
        changes: bool = True,
    ) -> httpx.Response:
        """Send a request and return the answer, whatever its status; ``changes`` is that of ``send``.

        Raises:
            TransportError: No answer came within ``timeout`` seconds (default: the connection's).
        """
        operation = f"{method} {self.host_url}{path}"
        limits = self._http.timeout
        if timeout is not None:
            limits = httpx.Timeout(connect=limits.connect, read=timeout, write=limits.write, pool=limits.pool)
        try:
            while True:
                try:
                    answer = self._http.request(
                        method, path, params=params, headers=headers, content=content, timeout=limits
                    )
                except httpx.ConnectError:
                    if not self._wait_for_start():
                        raise
                else:
                    self._refused_since = None
                    # a gateway on the way answers without it
                    self.cluster_uuid = answer.headers.get("cluster-uuid", self.cluster_uuid)
                    return answer
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise EngineUnreachable(
                f"{operation}: no connection ({error}). Is the engine running, and is influxdb3:hostUrl right?"
            ) from error
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            # without the cause, whose text repeats the header at fault
            raise EngineUnreachable(f"{operation}: the path or a header holds what HTTP cannot carry") from None
        except httpx.ReadTimeout as error:
            raise AnswerLost(f"{operation}: no answer in time", changes=changes) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            what = f"{operation}: the connection broke ({str(error) or type(error).__name__})"
            raise AnswerLost(what, changes=changes) from error

    def _wait_for_start(self) -> bool:
        """Sleep a moment, unless all requests together have waited for long enough."""
        with self._guard:
            now = time.monotonic()
            if self._refused_since is None:
                self._refused_since = now
                if self._start_patience:
                    self._on_wait(
                        f"{self.host_url} refuses connections; waiting {self._start_patience:g} s for it to start"
                    )
            patience_left = self._refused_since + self._start_patience - now
        if patience_left <= 0:
            return False
        time.sleep(min(patience_left, _SECONDS_BETWEEN_CONNECTIONS))
        return True


def unpacked(answer: httpx.Response, into: TypeAdapter[Answer]) -> Answer:
    """The body of a successful answer.

    Raises:
        UnreadableAnswer: It is not what the API promises.
    """
    try:
        return into.validate_json(answer.content)
    except ValidationError as error:
        # not the body itself: rows hold arguments of triggers, which may be secret
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise UnreadableAnswer(
            f"{answer.request.method} {answer.request.url.copy_with(query=None)} answered {answer.status_code} with "
            f"{len(answer.content)} bytes that are not what the API promises ({where}{first['msg']}). "
            "Is influxdb3:hostUrl an InfluxDB 3 server?"
        ) from None


def _verification(host_url: str, tls_ca: str | None, tls_no_verify: bool) -> ssl.SSLContext | bool:
    # loading the system's authorities takes 20 ms, which a plain HTTP URL need not pay
    if tls_no_verify or host_url.startswith("http://"):
        return False
    if not tls_ca:
        return True
    try:
        return ssl.create_default_context(cafile=tls_ca)
    except OSError as error:
        raise EngineUnreachable(f"the authorities in {tls_ca} cannot be read: {error}") from error
