"""An HTTP proxy that breaks requests, in one of the ways in which a network or a server can."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx

from influxdb3_engine_api import paths
from influxdb3_engine_resources.names import CANDIDATE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fault(Enum):
    """What happens to the request; ``AFTER`` means that the server has carried it out."""

    REFUSED = "connection refused for a moment"
    RESET_BEFORE = "reset before the server acted"
    RESET_AFTER = "reset after the server acted"
    TIMEOUT_BEFORE = "no answer, the server did not act"
    TIMEOUT_AFTER = "no answer, the server acted"
    ERROR_500_BEFORE = "500, the server did not act"
    ERROR_500_AFTER = "500, the server acted"
    ERROR_503_BEFORE = "503, the server did not act"
    ERROR_503_AFTER = "503, the server acted"
    GARBAGE_BODY = "200 with a garbage body, the server acted"
    GARBAGE_ANSWER = "an answer that is not HTTP, the server acted"

    @property
    def acts(self) -> bool:
        return self.name.endswith("AFTER") or self.name.startswith("GARBAGE")


class BreakingProxy:
    """Forwards to ``target`` and breaks the request of a given number, counted from 1, of all or of each trigger."""

    def __init__(self, target: str, silence: float) -> None:
        self._target = httpx.Client(base_url=target, timeout=60)
        self._silence = silence
        self._lock = threading.Lock()
        # holds the port while nobody listens on it
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._port = self._reserved.getsockname()[1]
        self._server: ThreadingHTTPServer | None = None
        self.requests: list[str] = []
        self.written_files: list[str] = []
        self._fault: Fault | None = None
        self._number = 0
        self._all_later = False
        self._faults_of: Mapping[str, tuple[int, Fault]] = {}
        self._requests_of: Counter[str] = Counter()
        self.triggered = False
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def break_request(self, number: int, fault: Fault, *, all_later: bool = False) -> None:
        """Arm the proxy; requests are counted from now. ``all_later`` loses those after it, as when a server dies."""
        self.requests, self._number, self._fault, self.triggered = [], number, fault, False
        self._all_later = all_later
        if fault is Fault.REFUSED and number == 1:
            self._refuse_for_a_moment()

    def break_a_request_of_each(self, faults: Mapping[str, tuple[int, Fault]]) -> None:
        """Break the request of a given number of each trigger: all that name it, or a candidate of it, from now."""
        self._requests_of = Counter()
        self._faults_of = faults

    @property
    def untriggered(self) -> set[str]:
        """Triggers whose request has not come."""
        return {name for name, (number, _) in self._faults_of.items() if self._requests_of[name] < number}

    def stop_breaking(self) -> None:
        """Forward every request unchanged from now on."""
        self._fault = None
        self._all_later = False
        self._faults_of = {}

    def close(self) -> None:
        self._stop_listening()
        self._reserved.close()
        self._target.close()

    def _listen(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy._handle(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_port = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self._port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def _stop_listening(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def _refuse_for_a_moment(self) -> None:
        self.triggered = True
        self._stop_listening()
        threading.Timer(0.3, self._listen).start()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        with self._lock:
            self.requests.append(f"{handler.command} {handler.path}")
            number = len(self.requests)
            if handler.path == paths.PLUGIN_FILES:
                self.written_files.append(json.loads(body)["plugin_name"])
            fault = self._fault_of(handler, body)
            if number == self._number and self._fault is not Fault.REFUSED:
                fault = self._fault
            if self._all_later and self._fault is not None and number > self._number:
                fault = Fault.RESET_BEFORE
        self.triggered = self.triggered or fault is not None
        answer = None
        if fault is None or fault.acts:
            headers = {name: value for name, value in handler.headers.items() if _is_forwarded(name.lower())}
            answer = self._target.request(handler.command, handler.path, content=body, headers=headers)
        if fault is None:
            assert answer is not None
            self._answer(handler, answer.status_code, answer.content, number, answer.headers.get("cluster-uuid"))
        elif fault.name.startswith("ERROR"):
            self._answer(handler, int(fault.name.split("_")[1]), b"broken by the proxy", number)
        elif fault is Fault.GARBAGE_BODY:
            self._answer(handler, 200, b"\x00garbage", number)
        elif fault is Fault.GARBAGE_ANSWER:
            handler.wfile.write(b"no HTTP at all\r\n\r\n")
            handler.close_connection = True
        elif fault.name.startswith("TIMEOUT"):
            time.sleep(self._silence)
            handler.close_connection = True
        else:
            # a zero linger makes the close a reset
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True

    def _fault_of(self, handler: BaseHTTPRequestHandler, body: bytes) -> Fault | None:
        name = _trigger(handler.path, body)
        if name is None or name not in self._faults_of:
            return None
        self._requests_of[name] += 1
        number, fault = self._faults_of[name]
        return fault if self._requests_of[name] == number else None

    def _answer(
        self, handler: BaseHTTPRequestHandler, status: int, body: bytes, number: int, identity: str | None = None
    ) -> None:
        refuse_next = self._fault is Fault.REFUSED and number + 1 == self._number
        if refuse_next:
            # before the answer, so that whoever has it finds nobody listening
            self._refuse_for_a_moment()
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        if identity is not None:
            handler.send_header("cluster-uuid", identity)
        if refuse_next:
            handler.send_header("connection", "close")
            handler.close_connection = True
        handler.end_headers()
        handler.wfile.write(body)


def _is_forwarded(header: str) -> bool:
    return header == "content-type" or header.startswith("x-")


def _trigger(path: str, body: bytes) -> str | None:
    """The trigger that a request changes; ``None`` where it changes none."""
    url = urlsplit(path)
    if not url.path.startswith(paths.TRIGGER):
        return None
    name = parse_qs(url.query)["trigger_name"][0] if url.query else json.loads(body)["trigger_name"]
    return name.removesuffix(CANDIDATE_SUFFIX)
