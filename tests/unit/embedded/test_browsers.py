"""A web page cannot use the engine of whoever looks at it; every other client can, as before."""

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
    """An engine that one page and one name may call, besides those of every engine."""
    with start_engine(
        tmp_path_factory.mktemp("guarded"),
        object_store="memory",
        allow_origin=[OURS, "https://app.example"],
        allow_host=[NAMED, "other.example:80"],
    ) as engine:
        yield engine


def raw(engine: RunningEngine, request: str) -> str:
    """The answer to a request that no library sends; ``PORT`` in it is the engine's."""
    port = int(engine.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.replace("PORT", str(port)).replace("\n", "\r\n").encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def status(engine: RunningEngine, request: str) -> int:
    return int(raw(engine, request).split(" ")[1])


@pytest.mark.parametrize(
    "host",
    LOOPBACK_HOSTS,
)
def test_every_name_of_the_loopback_interface_is_answered(engine: RunningEngine, host: str) -> None:
    assert status(engine, f"GET /health HTTP/1.1\nHost: {host}\n\n") == 200


@pytest.mark.parametrize(
    "host",
    OTHER_HOSTS,
)
def test_any_other_name_is_refused_with_the_flag_that_allows_it(engine: RunningEngine, host: str) -> None:
    answer = raw(engine, f"GET /health HTTP/1.1\nHost: {host}\n\n")
    assert answer.startswith("HTTP/1.1 403 ")
    assert "--allow-host" in answer
    assert "access-control-allow-origin" not in answer


def test_of_two_names_both_have_to_be_known(engine: RunningEngine) -> None:
    for hosts in (("localhost", "evil.example"), ("evil.example", "localhost")):
        assert status(engine, "GET /health HTTP/1.1\nHost: {}\nHost: {}\n\n".format(*hosts)) == 403


def test_a_client_that_names_no_host_is_no_browser(engine: RunningEngine) -> None:
    assert status(engine, "GET /health HTTP/1.0\n\n") == 200


def test_the_name_in_the_request_target_counts_more_than_the_header(engine: RunningEngine) -> None:
    assert status(engine, "GET http://evil.example/health HTTP/1.1\nHost: localhost\n\n") == 403
    assert status(engine, "GET http://localhost:PORT/health HTTP/1.1\nHost: evil.example\n\n") == 200


@pytest.mark.parametrize(
    "origin",
    OTHER_ORIGINS,
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_a_page_of_another_origin_is_refused(engine: RunningEngine, origin: str, method: str) -> None:
    answer = raw(engine, f"{method} /health HTTP/1.1\nHost: localhost:PORT\nOrigin: {origin}\n\n")
    assert answer.startswith("HTTP/1.1 403 ")
    assert method == "HEAD" or "--allow-origin" in answer
    assert "access-control" not in answer


def test_of_two_origins_both_have_to_be_allowed(engine: RunningEngine) -> None:
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
def test_the_pages_that_the_engine_serves_may_call_it(engine: RunningEngine, host: str, origin: str) -> None:
    assert status(engine, f"GET /health HTTP/1.1\nHost: {host}\nOrigin: {origin}\n\n") == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_origin_cannot_link_to_what_runs_a_plugin(engine: RunningEngine, site: str) -> None:
    refused = httpx.get(engine.url + paths.engine("x"), headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"})
    assert refused.status_code == 403
    assert "--allow-origin" in refused.json()["error"]
    for own in ("same-origin", "none"):
        assert httpx.get(f"{engine.url}/health", headers={"sec-fetch-site": own}).status_code == 200


def test_nothing_happens_for_a_refused_page(engine: RunningEngine) -> None:
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


def test_a_page_gets_no_operator_token_of_an_engine_that_has_none_yet(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", without_auth=False) as engine:
        refused = httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}", headers={"origin": PAGE})
        assert refused.status_code == 403
        assert httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").status_code == 201
        # nor is a page told whether a token is right
        headers = {"origin": PAGE, "authorization": "Bearer x"}
        assert httpx.get(f"{engine.url}/ping", headers=headers).status_code == 403


def test_a_handshake_of_a_web_socket_is_a_request_as_any_other(engine: RunningEngine) -> None:
    upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: eA==\n"
    assert status(engine, f"GET /health HTTP/1.1\nHost: localhost\nOrigin: {PAGE}\n{upgrade}\n") == 403


@pytest.mark.parametrize("origin", [OURS, "https://app.example", "https://app.example:443"])
def test_a_page_that_is_allowed_may_call_and_read(guarded: RunningEngine, origin: str) -> None:
    for path, expected in (("/health", 200), ("/nowhere", 404)):
        answer = httpx.get(f"{guarded.url}{path}", headers={"origin": origin, "sec-fetch-site": "cross-site"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (expected, origin)
        assert answer.headers["vary"] == "origin"


def test_a_page_that_is_allowed_is_told_so_before_it_sends(guarded: RunningEngine) -> None:
    asked = {"origin": OURS, "access-control-request-method": "PUT", "access-control-request-headers": "authorization"}
    answer = httpx.options(f"{guarded.url}{paths.PLUGIN_FILES}", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, OURS)
    assert answer.headers["access-control-allow-methods"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("origin", [PAGE, "null", "http://localhost:3001", "https://localhost:3000"])
def test_the_others_stay_out(guarded: RunningEngine, origin: str) -> None:
    assert httpx.get(f"{guarded.url}/health", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("host", [NAMED, f"{NAMED.upper()}:1234", "other.example", "localhost"])
def test_a_name_that_is_allowed_is_answered(guarded: RunningEngine, host: str) -> None:
    assert httpx.get(f"{guarded.url}/health", headers={"host": host}).status_code == 200
    # and is the engine's own, with the pages that it serves
    headers = {"host": host, "origin": f"http://{host}".lower()}
    assert httpx.get(f"{guarded.url}/health", headers=headers).status_code == 200


def test_an_engine_on_another_address_takes_any_name_but_no_foreign_page(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", http_bind="0.0.0.0:0") as engine:
        url = engine.url.replace("0.0.0.0", "127.0.0.1")
        anything = {"host": "engine.example"}
        assert httpx.get(f"{url}/health", headers=anything).status_code == 200
        assert httpx.get(f"{url}/health", headers={"origin": PAGE}).status_code == 403
        # a page that has let its own name lead here looks like one that the engine serves
        rebound = anything | {"origin": "http://engine.example"}
        assert httpx.post(f"{url}/ping", headers=rebound).status_code == 403
        address = {"host": "192.0.2.1:8181", "origin": "http://192.0.2.1:8181"}
        assert httpx.get(f"{url}/health", headers=address).status_code == 200


@pytest.mark.parametrize("flag", [{"allow_origin": "*"}, {"allow_origin": "null"}, {"allow_host": "http://x"}])
def test_a_flag_that_would_allow_nothing_is_named(tmp_path: Path, flag: dict[str, str]) -> None:
    name = f"--{next(iter(flag)).replace('_', '-')}"
    with pytest.raises(EngineDidNotStart, match=name), start_engine(tmp_path, environment=None, **flag):
        pass


def test_the_environment_allows_too(tmp_path: Path) -> None:
    environment = {"INFLUXDB3_ALLOW_ORIGIN": f"{OURS} {PAGE}", "INFLUXDB3_ALLOW_HOST": NAMED}
    with start_engine(tmp_path, object_store="memory", environment=environment) as engine:
        headers = {"host": NAMED, "origin": PAGE}
        assert httpx.get(f"{engine.url}/health", headers=headers).status_code == 200
