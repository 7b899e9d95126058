"""Sends requests to a server, and converts httpx's errors into those of this package."""

from __future__ import annotations

import json
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.addresses import URL_FORM, token_problem, url_problem
from influxdb3_engine_api.answers import LARGEST_ANSWER, read_answer, unreadable_answer
from influxdb3_engine_api.errors import AnswerLost, EngineUnreachable, UnreadableAnswer, answer_error
from influxdb3_engine_api.foreign_answers import IDENTITY, REMEDY, describe_answer, is_page, is_success
from influxdb3_engine_api.foreign_text import hide, shown
from influxdb3_engine_api.httpx_without_cli import httpx
from influxdb3_engine_api.proxies import Proxy, proxy_of
from influxdb3_engine_api.sent_values import sent_values
from influxdb3_engine_api.silence import Silence
from influxdb3_engine_api.transport import TooLarge, Transport, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SECONDS_BETWEEN_CONNECTIONS = 0.2
_SECONDS_TO_CONNECT_AGAIN = 2.0
"""Seconds for a connection to a server that all requests together have waited for in vain."""


class Connection:
    """Pooled connections to one server; safe to share between threads.

    Args:
        host_url: Base URL, such as ``http://127.0.0.1:8181``.
        token: API token; None for no token. No message and no ``repr`` contains it.
        timeout: Seconds for one request with its whole answer, and for connecting.
        tls_ca: Path of a PEM file with the certificate authorities to trust; None for the system's.
        tls_no_verify: Whether to skip the verification of the server's certificate.
        start_patience: Seconds to wait for a server that refuses connections, and for one connection. If not 0,
            requests to a server that has answered none of two fail at once.
        on_wait: Called with a message when waiting starts.
        transport: Replaces the network in tests; None for the network.

    Attributes:
        host_url: Base URL, without a slash at its end.
        cluster_uuid: Identity of the server, from the newest answer that has one; None before.

    Raises:
        EngineUnreachable: The URL, the token, the file of authorities or the proxy is invalid.
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
        if token:
            hide("the API token", token)
        self.host_url = host_url.rstrip("/")
        self.cluster_uuid: str | None = None
        self._proxy = proxy_of(host_url)
        self._seconds = timeout
        self._http = httpx.Client(
            base_url=self.host_url,
            headers={"accept-encoding": "gzip"} | ({"authorization": f"Bearer {token}"} if token else {}),
            timeout=timeout,
            trust_env=False,
            transport=transport or Transport(_verification(self.host_url, tls_ca, tls_no_verify), self._proxy),
        )
        self._start_patience = start_patience
        self._on_wait = on_wait
        self._refused_since: float | None = None
        self._silence = Silence()
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
        promises_body: bool = False,
    ) -> httpx.Response:
        """Send a request and return the answer if it is a success.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            params: Query parameters; default: none.
            json_body: Body that is sent as JSON. Set either ``json_body`` or ``content``, or neither.
            content: Body as bytes.
            timeout: Seconds for the request with its answer; default: the connection's.
            changes: Whether the request changes anything on the server; default: True except for GET.
            promises_body: Whether the API promises a body, which the caller parses; default: False.

        Raises:
            AnswerError: The status is not 2xx.
            UnreadableAnswer: The status is 2xx, but a gateway or a login page answered.
            TransportError: No answer came within ``timeout`` seconds.
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
        operation = f"{method} {path}"
        if answer.has_redirect_location:
            where = shown(answer.headers["location"], longest=200)
            text = f"redirects to {where}: set influxdb3:hostUrl to the server's own URL. {REMEDY}"
            raise answer_error(operation, answer.status_code, text)
        if answer.status_code == 407:
            text = f"the proxy of {self._proxy.variable if self._proxy else 'the network'} needs a user and a password"
            raise answer_error(operation, answer.status_code, text)
        if not answer.is_success:
            hidden = sent_values(json_body if json_body is not None else content)
            raise answer_error(operation, answer.status_code, answer.text, answer.headers, hidden)
        is_ours = not is_page(answer.headers, answer.text) if promises_body else is_success(answer.headers, answer.text)
        if not is_ours:
            raise unreadable_answer(answer, describe_answer(answer.headers, answer.text), changes=changes)
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
        shown_path: str | None = None,
    ) -> httpx.Response:
        """Send a request and return the answer, whatever its status; the arguments are those of ``send``.

        Messages contain ``shown_path`` instead of ``path``, which may be secret.

        Raises:
            TransportError: No answer came within ``timeout`` seconds.
            UnreadableAnswer: The answer is too large.
        """
        operation = f"{method} {self.host_url}{shown_path or path}"
        if failure := self._silence.first_failure:
            raise EngineUnreachable(
                f"{operation}: not sent, since the server has answered no request of this deployment ({failure}). "
                "Is influxdb3:hostUrl right?",
                waited=True,
            )
        runs_a_plugin = shown_path is not None  # which may be slow on a server that answers
        limits = self._http.timeout
        read = limits.read if timeout is None else timeout
        limits = httpx.Timeout(connect=self._connect_seconds(), read=read, write=limits.write, pool=limits.pool)
        key, seconds = ("timeout", self._seconds) if timeout is None else ("packageTimeout", timeout)
        limit = f"influxdb3:{key} is {seconds:g} s"
        try:
            while True:
                began = time.monotonic()
                try:
                    request = self._http.build_request(
                        method, path, params=params, headers=headers, content=content, timeout=limits
                    )
                    with bounded(seconds, LARGEST_ANSWER):
                        answer = read_answer(self._http.send(request, stream=True))
                except httpx.ConnectError:
                    if not self._wait_for_start():
                        raise
                except httpx.ConnectTimeout:
                    self._note_silence(began)
                    raise
                else:
                    self._refused_since = None
                    self._silence.note_answer()
                    self.cluster_uuid = answer.headers.get(IDENTITY, self.cluster_uuid)
                    return answer
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            what = shown(str(error)) or type(error).__name__
            if isinstance(error, httpx.PoolTimeout) or (
                isinstance(error, httpx.TimeoutException) and not self._gave_up
            ):
                what = f"{what}; {limit}"
            raise EngineUnreachable(
                f"{operation}: no connection{_through(self._proxy)} ({what}). "
                "Is the server running, and is influxdb3:hostUrl right?",
                waited=self._gave_up,
            ) from error
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError):
            # without the cause: its text contains the header, which may be secret
            raise EngineUnreachable(
                f"{operation}: the path or a header contains a character that HTTP cannot carry"
            ) from None
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            what = f"{operation}: no answer in time ({limit})"
            gives_up = (
                bool(self._start_patience)
                and not runs_a_plugin
                and self._silence.note_timeout(began, time.monotonic(), what)
            )
            raise AnswerLost(what, changes=changes, timed_out=True, waited=gives_up) from error
        except TooLarge:
            what = f"{operation}: the answer has more than {LARGEST_ANSWER >> 20} MiB. {REMEDY}"
            raise UnreadableAnswer(what) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            what = f"{operation}: the connection broke ({shown(str(error)) or type(error).__name__})"
            raise AnswerLost(what, changes=changes) from error

    @property
    def _gave_up(self) -> bool:
        """Whether all requests together have waited for ``start_patience`` seconds."""
        since, patience = self._refused_since, self._start_patience
        return bool(patience) and since is not None and time.monotonic() >= since + patience

    def _connect_seconds(self) -> float:
        if self._gave_up:
            return min(self._seconds, _SECONDS_TO_CONNECT_AGAIN)
        return min(self._seconds, self._start_patience or self._seconds)

    def _note_silence(self, began: float) -> None:
        """Note that a server has not answered a connection attempt."""
        with self._guard:
            if self._refused_since is None:
                self._refused_since = began

    def _wait_for_start(self) -> bool:
        """Sleep for a moment; False if all requests together have waited for ``start_patience`` seconds."""
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


def _through(proxy: Proxy | None) -> str:
    return f" through the proxy of {proxy.variable}" if proxy else ""


def _verification(host_url: str, tls_ca: str | None, tls_no_verify: bool) -> ssl.SSLContext:
    # plain HTTP needs no authorities, and loading them takes 20 ms
    if tls_no_verify or host_url.startswith("http://"):
        return httpx.create_ssl_context(verify=False)
    try:
        return ssl.create_default_context(cafile=tls_ca) if tls_ca else httpx.create_ssl_context()
    except OSError as error:
        source = tls_ca or "SSL_CERT_FILE or SSL_CERT_DIR"
        raise EngineUnreachable(f"the authorities in {source} cannot be read: {error}") from error
