"""All errors have the same JSON form (contract 1.1)."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_embedded.http.routing import ROUTES
from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.http.route import Route

CANNOT_FAIL = (paths.HEALTH, paths.PING, "/api/v1/health", "/openapi.json")
CAN_FAIL = [route for route in ROUTES if route.path not in CANNOT_FAIL]
TAKES_JSON = [route for route in ROUTES if route.method in ("POST", "PUT") and route.path.startswith("/api/v3/")]


def assert_is_an_error(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cluster-uuid"]
    body = answer.json()
    assert isinstance(body["error"], str)
    assert body["error"]
    assert set(body) <= {"error", "data", "code", "message"}


def named(route: Route[Any]) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", CAN_FAIL, ids=named)
def test_an_empty_request_is_a_json_error(http: httpx.Client, route: Route[Any]) -> None:
    assert_is_an_error(http.request(route.method, route.path))


@pytest.mark.parametrize("route", CAN_FAIL, ids=named)
def test_an_invalid_json_body_is_a_json_error(http: httpx.Client, route: Route[Any]) -> None:
    headers = {"content-type": "application/json"}
    assert_is_an_error(http.request(route.method, route.path, content=b"{nope", headers=headers))


@pytest.mark.parametrize("route", CAN_FAIL, ids=named)
def test_an_unknown_query_parameter_alone_is_a_json_error(http: httpx.Client, route: Route[Any]) -> None:
    assert_is_an_error(http.request(route.method, route.path, params={"nothing": "known"}))


@pytest.mark.parametrize("path", ["/", "/api/v3/nope", paths.TRIGGER + "/", "/health/", paths.ENGINE, "/%68ealth"])
def test_a_path_that_differs_from_all_operations_is_not_found(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert_is_an_error(answer)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


@pytest.mark.parametrize(("method", "path"), [("GET", paths.TRIGGER), ("PUT", paths.engine("x")), ("PATCH", "/ping")])
def test_a_wrong_method_is_not_found(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


def test_head_is_not_found(http: httpx.Client) -> None:
    assert http.head("/health").status_code == 404


def test_options_are_answered_on_any_path(http: httpx.Client) -> None:
    answer = http.options("/wherever")
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_unknown_request_trigger_is_not_found(http: httpx.Client) -> None:
    answer = http.get(paths.engine("nowhere"))
    assert_is_an_error(answer)
    assert (answer.status_code, answer.text) == (404, '{"error": "not found"}')


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonx", "json", ""])
def test_a_body_of_another_content_type_is_refused(http: httpx.Client, content_type: str) -> None:
    answer = http.post(paths.PLUGIN_FILES, content=b"{}", headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (
        415,
        "unacceptable content-type, expected: application/json",
    )


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.x+json"])
def test_other_json_content_types_are_accepted(http: httpx.Client, content_type: str) -> None:
    answer = http.post(paths.PLUGIN_FILES, content=b"{}", headers={"content-type": content_type})
    assert answer.json()["error"].startswith("serde json error: missing field `plugin_name`")


def test_write_errors_as_in_influxdb_2_have_its_members_too(http: httpx.Client) -> None:
    answer = http.post(paths.WRITE_V2, params={"bucket": "b"}, content=b"cpu")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert answer.json()["message"].startswith("write buffer error: line protocol parse failed: ")


LIMIT = 1000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an engine with a small limit for bodies."""
    directory: Path = tmp_path_factory.mktemp("small")
    with (
        start_engine(directory, object_store="memory", max_http_request_size=LIMIT) as engine,
        httpx.Client(base_url=engine.url) as client,
    ):
        yield client


def test_a_body_over_the_limit_is_refused(small: httpx.Client) -> None:
    answer = small.post(paths.WRITE_LP, params={"db": "d"}, content=b"#" * (LIMIT + 1))
    assert_is_an_error(answer)
    assert (answer.status_code, answer.json()["error"]) == (413, "max request size (1000 bytes) exceeded")


def test_a_body_that_is_over_the_limit_after_decompression_is_refused(small: httpx.Client) -> None:
    bomb = gzip.compress(b"#" * 100_000)
    answer = small.post(paths.WRITE_LP, params={"db": "d"}, content=bomb, headers={"content-encoding": "gzip"})
    assert (answer.status_code, len(bomb) < LIMIT) == (413, True)


def test_the_engine_answers_the_same_client_after_a_refusal(small: httpx.Client) -> None:
    assert small.post(paths.WRITE_LP, params={"db": "d"}, content=b"#" * 2_000_000).status_code == 413
    assert small.get("/health").status_code == 200


class TestCompressedBodies:
    LINES = b"cpu v=1 1\n"

    def write(self, http: httpx.Client, content: bytes, encoding: str = "gzip") -> httpx.Response:
        return http.post(
            paths.WRITE_LP, params={"db": "zipped"}, content=content, headers={"content-encoding": encoding}
        )

    def test_gzip_is_decompressed(self, http: httpx.Client) -> None:
        assert self.write(http, gzip.compress(self.LINES)).status_code == 204

    def test_gzip_of_several_members_is_decompressed(self, http: httpx.Client) -> None:
        content = gzip.compress(self.LINES) + gzip.compress(b"mem v=1 1\n")
        assert self.write(http, content).status_code == 204
        tables = http.get(paths.QUERY_SQL, params={"db": "zipped", "q": "SELECT v FROM mem"})
        assert tables.json() == [{"v": 1.0}]

    def test_identity_is_accepted(self, http: httpx.Client) -> None:
        assert self.write(http, self.LINES, "identity").status_code == 204

    @pytest.mark.parametrize(
        "content",
        [b"nonsense", gzip.compress(LINES, mtime=0)[:-3], zlib.compress(LINES)],
        ids=["no gzip", "cut off", "zlib"],
    )
    def test_a_broken_stream_is_refused(self, http: httpx.Client, content: bytes) -> None:
        answer = self.write(http, content)
        assert_is_an_error(answer)
        assert answer.json()["error"].startswith("error decoding gzip stream: ")

    def test_another_encoding_is_refused(self, http: httpx.Client) -> None:
        answer = self.write(http, self.LINES, "br")
        assert (answer.status_code, answer.json()["error"]) == (400, "unacceptable content-encoding: br")
