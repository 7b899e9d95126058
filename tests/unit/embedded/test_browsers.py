"""A web page cannot call the engine on the machine of its reader. Other clients can call it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.testing import EngineDidNotStart, RunningEngine, start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "http://pages.example"
OURS = "http://localhost:3000"
NAMED = "engine.example"
LOOPBACK_HOSTS = [
    "localhost",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.",
    "localhost.:1",
    "foo.localhost",
    "127.0.0.1:PORT",
    "127.1",
    "127.0.0.2:80",
    "2130706433",
    "[::1]",
    "[::1]:PORT",
    "[0:0:0:0:0:0:0:1]:PORT",
    "[::ffff:127.0.0.1]",
]
OTHER_HOSTS = [
    "evil.example",
    "evil.example:PORT",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "",
    "localhost@evil.example",
    "localhost:80:80",
    "localhost evil",
    "[::1].evil.example",
    "[evil.example]",
    "[localhost]",
    "[::2]",
    "192.0.2.1",
    "0.0.0.0:PORT",
    "[::]",
    "localhost..",
    ".",
    "128.1",
    "1",
    "127.0.0.1:x",
    "localhost/",
    "\xb5",
]
OTHER_ORIGINS = [
    "http://pages.example",
    "null",
    "",
    "https://pages.example:8443",
    "http://localhost",
    "http://localhost:3000",
    "file://",
    "http://127.0.0.1:PORT",
    "https://localhost:PORT",
    "http://localhost:PORT.evil.example",
    "*",
    "http://localhost:PORT, http://evil.example",
    "chrome-extension://abcdefgh",
    "http://localhost:PORT/path",
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with ``--allow-origin`` and ``--allow-host``."""
    with start_engine(
        tmp_path_factory.mktemp("guarded"),
        object_store="memory",
        allow_origin=[OURS, "https://app.example"],
        allow_host=[NAMED, "other.example:80"],
    ) as engine:
        yield engine


def raw(engine: RunningEngine, request: str) -> str:
    """The answer to a raw request; ``PORT`` becomes the port of the engine."""
    port = int(engine.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.replace("PORT", str(port)).replace("\n", "\r\n").encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def status(engine: RunningEngine, request: str) -> int:
    return int(raw(engine, request).split(" ")[1])


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_a_request_to_any_loopback_name_is_answered(engine: RunningEngine, host: str) -> None:
    assert status(engine, f"GET /health HTTP/1.1\nHost: {host}\n\n") == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_request_to_another_host_name_is_refused_and_the_flag_is_named(engine: RunningEngine, host: str) -> None:
    answer = raw(engine, f"GET /health HTTP/1.1\nHost: {host}\n\n")
    assert answer.startswith("HTTP/1.1 403 ")
    assert "--allow-host" in answer
    assert "access-control-allow-origin" not in answer


def test_two_host_headers_are_refused_if_one_is_foreign(engine: RunningEngine) -> None:
    for hosts in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert status(engine, "GET /health HTTP/1.1\nHost: {}\nHost: {}\n\n".format(*hosts)) == 403


def test_a_request_without_host_is_answered(engine: RunningEngine) -> None:
    assert status(engine, "GET /health HTTP/1.0\n\n") == 200


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/health",
        "https://evil.example/health",
        "HTTP://evil.example:PORT/health",
        "http://localhost:PORT@evil.example/health",
        "http://localhost.evil.example/health",
        "http://[::2]/health",
        "//evil.example/health",
        "evil.example:80",
    ],
)
def test_a_request_target_with_a_foreign_host_is_refused(engine: RunningEngine, target: str) -> None:
    assert status(engine, f"GET {target} HTTP/1.1\nHost: localhost:PORT\n\n") in (400, 403, 404)
    assert status(engine, f"CONNECT {target} HTTP/1.1\nHost: localhost:PORT\n\n") in (400, 403, 404)


def test_a_request_target_with_a_loopback_host_is_answered(engine: RunningEngine) -> None:
    assert status(engine, "GET http://localhost:PORT/health HTTP/1.1\nHost: localhost:PORT\n\n") == 200


def test_a_host_header_is_checked_also_if_the_request_target_has_a_host(engine: RunningEngine) -> None:
    assert status(engine, "GET http://localhost:PORT/health HTTP/1.1\nHost: evil.example\n\n") == 403


@pytest.mark.parametrize(
    "headers",
    [
        "Origin : http://pages.example",
        "Origin: http://localhost:PORT\n http://pages.example",
        "Origin: http://localhost:PORT\tx",
        "Origin\x00: http://pages.example",
        "ORIGIN: http://pages.example",
        "X-Forwarded-Host: localhost\nOrigin: http://pages.example",
        "Forwarded: host=localhost\nOrigin: http://pages.example",
        "Origin: http://localhost:PORT#@pages.example",
        "Origin: http://localhost:PORT\\@pages.example",
        "Origin: http://pages.example@localhost:PORT",
        "Origin: http://user:password@localhost:PORT",
        "Origin: http://localhost:0PORT",
        "Origin: http://[localhost]:PORT",
        "Origin: http://xn--localhost-:PORT",
        "Origin: view-source:http://localhost:PORT",
        "Origin: blob:http://localhost:PORT/x",
        "Origin: ws://localhost:PORT",
        "Sec-Fetch-Site: Cross-Site",
        "Sec-Fetch-Site: none\nSec-Fetch-Site: cross-site",
        "Referer: http://localhost:PORT/\nSec-Fetch-Site: same-site",
    ],
)
def test_a_foreign_page_cannot_disguise_its_request(engine: RunningEngine, headers: str) -> None:
    assert status(engine, f"POST /ping HTTP/1.1\nHost: localhost:PORT\n{headers}\n\n") in (400, 403)


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_a_page_of_another_origin_is_refused(engine: RunningEngine, origin: str, method: str) -> None:
    answer = raw(engine, f"{method} /health HTTP/1.1\nHost: localhost:PORT\nOrigin: {origin}\n\n")
    assert answer.startswith("HTTP/1.1 403 ")
    assert method == "HEAD" or "--allow-origin" in answer
    assert "access-control" not in answer


def test_two_origin_headers_are_refused_if_one_is_foreign(engine: RunningEngine) -> None:
    for origins in (("http://localhost:PORT", PAGE), (PAGE, "http://localhost:PORT")):
        request = "GET /health HTTP/1.1\nHost: localhost:PORT\nOrigin: {}\nOrigin: {}\n\n"
        assert status(engine, request.format(*origins)) == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:PORT", "http://localhost:PORT"),
        ("LOCALHOST:PORT", "http://localhost:PORT"),
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT"),
        ("[::1]:PORT", "http://[::1]:PORT"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
    ],
)
def test_a_page_of_the_engine_itself_may_call_the_engine(engine: RunningEngine, host: str, origin: str) -> None:
    assert status(engine, f"GET /health HTTP/1.1\nHost: {host}\nOrigin: {origin}\n\n") == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_in_a_foreign_page_runs_no_plugin(engine: RunningEngine, site: str) -> None:
    refused = httpx.get(engine.url + paths.engine("x"), headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"})
    assert refused.status_code == 403
    assert "--allow-origin" in refused.json()["error"]
    for own in ("same-origin", "none"):
        assert httpx.get(f"{engine.url}/health", headers={"sec-fetch-site": own}).status_code == 200


def test_a_refused_request_changes_nothing(engine: RunningEngine) -> None:
    code = "def process_request(influxdb3_local, q, h, b, args=None):\n    return 'ran'\n"
    page = {"origin": PAGE, "content-type": "text/plain"}
    upload = {"plugin_name": "page.py", "content": code}
    created = httpx.post(f"{engine.url}{paths.PLUGIN_FILES}", json=upload, headers={"origin": PAGE})
    query = {"db": "d", "q": "SELECT 1"}
    assert created.status_code == 403
    assert httpx.post(f"{engine.url}{paths.WRITE_LP}?db=page", content="a v=1", headers=page).status_code == 403
    assert httpx.get(f"{engine.url}{paths.QUERY_SQL}", params=query, headers=page).status_code == 403
    assert not (engine.plugin_dir / "page.py").exists()
    assert "page" not in engine.client.databases()
    assert PAGE not in engine.logs


def test_a_foreign_page_cannot_create_the_operator_token(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", without_auth=False) as engine:
        refused = httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}", headers={"origin": PAGE})
        assert refused.status_code == 403
        assert httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").status_code == 201
        # the answer is the same for a valid and an invalid token
        headers = {"origin": PAGE, "authorization": "Bearer x"}
        assert httpx.get(f"{engine.url}/ping", headers=headers).status_code == 403


def test_a_foreign_page_cannot_open_a_web_socket(engine: RunningEngine) -> None:
    upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: eA==\n"
    assert status(engine, f"GET /health HTTP/1.1\nHost: localhost\nOrigin: {PAGE}\n{upgrade}\n") == 403


@pytest.mark.parametrize("origin", [OURS, "https://app.example", "https://app.example:443"])
def test_an_allowed_page_may_call_the_engine_and_read_the_answer(guarded: RunningEngine, origin: str) -> None:
    for path, expected in (("/health", 200), ("/nowhere", 404)):
        answer = httpx.get(f"{guarded.url}{path}", headers={"origin": origin, "sec-fetch-site": "cross-site"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (expected, origin)
        assert answer.headers["vary"] == "origin"


def test_a_preflight_of_an_allowed_page_is_granted(guarded: RunningEngine) -> None:
    asked = {"origin": OURS, "access-control-request-method": "PUT", "access-control-request-headers": "authorization"}
    answer = httpx.options(f"{guarded.url}{paths.PLUGIN_FILES}", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, OURS)
    assert answer.headers["access-control-allow-methods"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-max-age"] == "86400"


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/nowhere"), ("OPTIONS", "/health")])
def test_an_answer_without_origin_has_no_cors_headers(engine: RunningEngine, method: str, path: str) -> None:
    headers = httpx.request(method, f"{engine.url}{path}").headers
    assert [name for name in headers if name.startswith("access-control") or name == "vary"] == []


@pytest.mark.parametrize("origin", [PAGE, "null", "http://localhost:3001", "https://localhost:3000"])
def test_allow_origin_allows_no_other_page(guarded: RunningEngine, origin: str) -> None:
    assert httpx.get(f"{guarded.url}/health", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("host", [NAMED, f"{NAMED.upper()}:1234", "other.example", "localhost"])
def test_a_request_to_an_allowed_host_name_is_answered(guarded: RunningEngine, host: str) -> None:
    assert httpx.get(f"{guarded.url}/health", headers={"host": host}).status_code == 200
    # pages under this name are the engine's own pages
    headers = {"host": host, "origin": f"http://{host}".lower()}
    assert httpx.get(f"{guarded.url}/health", headers=headers).status_code == 200


def test_an_engine_on_another_interface_answers_to_any_host_name_but_to_no_foreign_page(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", http_bind="0.0.0.0:0") as engine:
        url = engine.url.replace("0.0.0.0", "127.0.0.1")
        anything = {"host": "engine.example"}
        assert httpx.get(f"{url}/health", headers=anything).status_code == 200
        assert httpx.get(f"{url}/health", headers={"origin": PAGE}).status_code == 403
        # DNS rebinding: the page has the same origin as the engine
        rebound = anything | {"origin": "http://engine.example"}
        assert httpx.post(f"{url}/ping", headers=rebound).status_code == 403
        address = {"host": "192.0.2.1:8181", "origin": "http://192.0.2.1:8181"}
        assert httpx.get(f"{url}/health", headers=address).status_code == 200


@pytest.mark.parametrize("flag", [{"allow_origin": "*"}, {"allow_origin": "null"}, {"allow_host": "http://x"}])
def test_an_invalid_flag_is_an_error_that_names_the_flag(tmp_path: Path, flag: dict[str, str]) -> None:
    name = f"--{next(iter(flag)).replace('_', '-')}"
    with pytest.raises(EngineDidNotStart, match=name), start_engine(tmp_path, environment=None, **flag):
        pass


def test_environment_variables_allow_pages_and_hosts(tmp_path: Path) -> None:
    environment = {"INFLUXDB3_ALLOW_ORIGIN": f"{OURS} {PAGE}", "INFLUXDB3_ALLOW_HOST": NAMED}
    with start_engine(tmp_path, object_store="memory", environment=environment) as engine:
        headers = {"host": NAMED, "origin": PAGE}
        assert httpx.get(f"{engine.url}/health", headers=headers).status_code == 200
